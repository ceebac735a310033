import { FlowListQuery, TimelineQuery, TopQuery, topKeys } from '@bpfleet/contract';
import {
  buildArp,
  buildEthernet,
  buildIcmp,
  buildIpv4,
  buildIpv6,
  buildTcp,
  buildUdp,
  LinkType,
} from '@bpfleet/packet';
import { forEachPacket } from '@bpfleet/section';
import { createLogger, Registry } from '@bpfleet/service';
import { createPool, ensurePartitions, FlowRollUp, FlowStore, IngestStore, LedgerStore } from '@bpfleet/store';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ingestMetrics } from '../ingest/metrics.js';
import { PartitionIngest } from '../ingest/partition-ingest.js';
import { packetPredicates, type Verdict } from '../packets/packet-predicate.js';
import { migratedDatabase } from '../testing/running-analytics.js';
import { makeSection, NOW_MS, NOW_NS, recordOf, type TestSection } from '../testing/sections.js';
import { FlowsService } from './flows.service.js';

const MINUTE = 60_000_000_000n;

/** One packet, and what there is to count of it. */
interface Spec {
  readonly kind: 'tcp' | 'udp' | 'icmp' | 'arp';
  readonly six: boolean;
  /** Hosts of a small network; a packet may be from a host to itself. */
  readonly from: number;
  readonly to: number;
  readonly port: number;
  /** From the service's port. */
  readonly isReply: boolean;
  readonly atNs: bigint;
  /** Behind a VLAN tag in the frame, which a flow does not tell. */
  readonly isTagged: boolean;
  /** Of its IP header, of which a filter may read what is there: nobody can tell from a flow. */
  readonly damage: 'none' | 'version' | 'cut';
}

const hasFlow = ({ kind, damage }: Spec): boolean => kind !== 'arp' && damage === 'none';

const anyPacket: fc.Arbitrary<Spec> = fc.record({
  kind: fc.constantFrom('tcp', 'tcp', 'udp', 'udp', 'icmp', 'arp'),
  six: fc.boolean(),
  from: fc.nat(3),
  to: fc.nat(3),
  port: fc.constantFrom(53, 80, 443),
  isReply: fc.boolean(),
  // Two hours, and the last and first nanosecond of each minute.
  atNs: fc
    .tuple(fc.integer({ min: -125, max: 0 }), fc.constantFrom(-1n, 0n, 1n, 30_000_000_000n))
    .map(([minute, ns]) => NOW_NS + BigInt(minute) * MINUTE + ns),
  isTagged: fc.nat(9).map((n) => n === 0),
  damage: fc.constantFrom('none', 'none', 'none', 'none', 'none', 'none', 'version', 'cut'),
});
/** And its answer, where there is one: mostly in the same minute, and then in the same row. */
const anySpecs: fc.Arbitrary<readonly Spec[]> = fc.tuple(anyPacket, fc.boolean()).map(([packet, isAnswered]) => {
  const { from, to, isReply, atNs } = packet;
  const answer = { ...packet, from: to, to: from, isReply: !isReply, atNs: atNs + 1n };
  return isAnswered ? [packet, answer] : [packet];
});

const hostOf = (six: boolean, n: number) => (six ? `2001:db8::${n + 1}` : `10.0.0.${n + 1}`);

/** To there, and not behind, it was captured; 12 bytes of an IP header have the protocol of IPv4. */
const capturedOf = ({ kind, damage, isTagged }: Spec) =>
  damage === 'cut' && kind !== 'arp' ? { capturedLength: (isTagged ? 18 : 14) + 12 } : {};

function frameOf(spec: Spec): Uint8Array {
  const frame = soundFrameOf(spec);
  if (spec.damage === 'version' && spec.kind !== 'arp') frame[spec.isTagged ? 18 : 14]! ^= 0xf0;
  return frame;
}

function soundFrameOf({ kind, six, from, to, port, isReply, isTagged }: Spec): Uint8Array {
  const tags = isTagged ? [{ id: 7 }] : [];
  const v6 = six && kind !== 'arp';
  const ends = { source: hostOf(v6, from), destination: hostOf(v6, to) };
  if (kind === 'arp') {
    const fields = { operation: 'reply', senderMac: '02:00:00:00:00:01', targetMac: '02:00:00:00:00:02' } as const;
    const arp = buildArp({ ...fields, senderAddress: ends.source, targetAddress: ends.destination });
    return buildEthernet({ tags, etherType: 0x0806, payload: arp });
  }
  const ports = isReply ? { sourcePort: port, destinationPort: 40_000 } : { sourcePort: 40_000, destinationPort: port };
  const payload = {
    tcp: () => buildTcp({ ...ends, ...ports, flags: 2 }),
    udp: () => buildUdp({ ...ends, ...ports }),
    icmp: () => buildIcmp({ type: 8 }),
  }[kind]();
  const protocol = { tcp: 6, udp: 17, icmp: 1 }[kind];
  return buildEthernet({ tags, payload: (v6 ? buildIpv6 : buildIpv4)({ ...ends, protocol, payload }) });
}

interface SectionSpec {
  readonly agent: string;
  readonly filters: string;
  readonly weights: readonly number[];
  readonly packets: readonly Spec[];
}
const anySection: fc.Arbitrary<SectionSpec> = fc
  .record({
    agent: fc.constantFrom('a', 'b'),
    version: fc.constantFrom(
      { filters: 'web@3', weights: [1] },
      { filters: 'dns@1', weights: [10] },
      { filters: 'web@4,dns@1', weights: [1, 10] },
    ),
    packets: fc.array(anySpecs, { minLength: 1, maxLength: 8 }).map((specs) => specs.flat()),
  })
  .map(({ version, ...rest }) => ({ ...rest, ...version }));

/** What a partition's owner does next, or who owns it. */
type Event =
  | { readonly kind: 'read'; readonly records: number }
  | { readonly kind: 'store' | 'abandon' | 'again' | 'rollUp' };
const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('read'), records: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom({ kind: 'store' }, { kind: 'abandon' }, { kind: 'again' }, { kind: 'rollUp' }),
  },
);

suiteRequires('Questions about flows', { postgres: await postgres() }, ({ postgres: server }) => {
  let database: TestDatabase;
  let pool: pg.Pool;
  let flows: FlowsService;
  const { signal } = new AbortController();
  beforeAll(async () => {
    database = await createDatabase(server.connection, migratedDatabase);
    pool = createPool({ connection: database.connection, name: 'test', onError: () => {} });
    await ensurePartitions(pool);
    flows = new FlowsService(new FlowStore(pool), new LedgerStore(pool));
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });
  const empty = () =>
    pool.query(`TRUNCATE analytics.section, analytics.flow, analytics.flow_minute, analytics.flow_hour,
      analytics.flow_hours, analytics.progress, analytics.ledger, analytics.agent_loss, analytics.position`);
  beforeEach(async () => {
    await empty();
  });

  let nowMs = NOW_MS;
  const take = (logId = 'log') =>
    PartitionIngest.take(
      { logId, topic: 'packets.v1', partition: 0, bounds: async () => ({ first: 0n, end: 1_000_000n }) },
      'me',
      {
        store: new IngestStore(pool),
        metrics: ingestMetrics(new Registry()),
        logger: createLogger({ name: 'test', level: 'silent' }),
        nowMs: () => nowMs,
        signatures: { prepare: async () => {}, judge: () => ({ sessionKey: undefined }) },
      },
    );

  function sectionsOf(specs: readonly SectionSpec[]): TestSection[] {
    const seqs: Record<string, number> = {};
    return specs.map(({ agent, filters, weights, packets }) => {
      const seq = (seqs[agent] ?? -1) + 1;
      seqs[agent] = seq;
      const frames = packets.map((packet) => ({ atNs: packet.atNs, bytes: frameOf(packet), ...capturedOf(packet) }));
      return makeSection({ agent, epoch: 1, seq, filter: filters, samplingWeights: weights, packets: frames });
    });
  }

  /** As when all sums have been there for some minutes. */
  async function rollUp(): Promise<void> {
    await pool.query(
      "UPDATE analytics.flow_minute SET ingested_at = ingested_at - interval '3 minutes' WHERE NOT is_merged",
    );
    await new FlowRollUp(pool).round();
  }

  /** Stores them as the events say; at last all of them, with or without all flows. */
  async function ingest(sections: readonly TestSection[], events: readonly Event[], isFinished: boolean) {
    const records = sections.map((section, offset) => recordOf(section, BigInt(offset)));
    // Some are sent again, under later offsets.
    const log = [
      ...records,
      ...records.slice(0, 3).map((record, n) => ({ ...record, offset: BigInt(records.length + n) })),
    ];
    let owner = await take();
    for (const event of [...events, { kind: 'read', records: log.length } as const]) {
      const next = Number(owner.next);
      if (event.kind === 'read') await owner.read(log.slice(next, next + event.records), signal);
      else if (event.kind === 'again') await owner.read(log.slice(0, next), signal);
      else if (event.kind === 'abandon') owner = await take();
      else if (event.kind === 'rollUp') await rollUp();
      else {
        nowMs += 5_000;
        await owner.storeFlows();
      }
    }
    if (isFinished) await owner.storeFlows(true);
  }

  it('merges sums to minutes and hours, and what comes late for itself', async () => {
    // Hours of the past: those of the tests' own time may not have ended on the database's clock.
    const begin = ((BigInt(Date.now()) * 1_000_000n) / (60n * MINUTE) - 5n) * 60n * MINUTE;
    const packet: Omit<Spec, 'atNs'> = {
      kind: 'udp',
      six: false,
      from: 0,
      to: 1,
      port: 53,
      isReply: false,
      isTagged: false,
      damage: 'none',
    };
    const at = (minute: number): SectionSpec => ({
      ...{ agent: 'a', filters: 'web@3', weights: [1] },
      packets: [{ ...packet, atNs: begin + BigInt(minute) * MINUTE }],
    });
    const specs = [at(0), at(0), at(59), at(60), at(0)];
    const counts = async () => {
      const { rows } = await pool.query(`SELECT (SELECT count(*) FROM analytics.flow_minute)::int AS minutes,
        (SELECT count(*) FROM analytics.flow_hour)::int AS hours, (SELECT sum(packets) FROM analytics.flow_hour)::int AS packets`);
      return rows[0];
    };
    const sections = sectionsOf(specs);
    const owner = await take();
    const some = {
      since: new Date(Number(begin / 1_000_000n)).toISOString(),
      until: new Date(Number((begin + 120n * MINUTE) / 1_000_000n)).toISOString(),
    };
    for (const [offset, section] of sections.entries()) {
      await owner.read([recordOf(section, BigInt(offset))], signal);
      await owner.storeFlows(true);
      if (offset !== 3) continue;
      expect(await counts()).toEqual({ minutes: 4, hours: 0, packets: null });
      await rollUp();
      expect(await counts()).toEqual({ minutes: 3, hours: 2, packets: 4 });
      await compare(specs.slice(0, 4), sections.slice(0, 4), '', some);
    }
    await rollUp();
    await rollUp();
    expect(await counts()).toEqual({ minutes: 4, hours: 3, packets: 5 });
    await compare(specs, sections, '', some);
    // Edges within hours: the minutes answer.
    const edges = {
      since: new Date(Date.parse(some.since) + 60_000).toISOString(),
      until: new Date(Date.parse(some.until) - 3_600_000).toISOString(),
    };
    await compare(specs, sections, '', edges);
    await compare(specs, sections, 'udp', edges);
  });

  /** Of a packet as it is stored: what there is to count, and what the packets' own evaluation says. */
  interface Counted extends Spec, Pick<SectionSpec, 'agent' | 'filters' | 'weights'> {
    readonly bytes: number;
    readonly verdict: Verdict;
  }
  function packetsOf(specs: readonly SectionSpec[], sections: readonly TestSection[], expression: string): Counted[] {
    const predicate = packetPredicates(expression)(LinkType.EN10MB);
    return specs.flatMap(({ packets, agent, filters, weights }, n) => {
      const verdicts: Verdict[] = [];
      const { value } = sections[n]!;
      forEachPacket(value, (packet) => verdicts.push(predicate(value, packet)) > 0);
      return packets.map((spec, index) => ({
        ...{ ...spec, agent, filters, weights, verdict: verdicts[index]!, bytes: frameOf(spec).length },
      }));
    });
  }

  const keysOf: Record<(typeof topKeys)[number], (packet: Counted) => string[]> = {
    agent: ({ agent }) => [agent],
    filter: ({ filters }) => filters.split(','),
    host: (packet) => {
      const { six, from, to } = packet;
      return hasFlow(packet) ? [...new Set([hostOf(six, from), hostOf(six, to)])] : [];
    },
    port: (packet) => [!hasFlow(packet) || packet.kind === 'icmp' ? 'other' : String(packet.port)],
    protocol: (packet) => [hasFlow(packet) ? packet.kind : 'other'],
  };
  const weightOf = ({ filters, weights }: Counted, by: string, key: string) =>
    by === 'filter' ? weights[filters.split(',').indexOf(key)]! : Math.min(...weights);

  type Sums = Record<string, { packets: number; bytes: number; estimated: number }>;
  function recount(packets: readonly Counted[], by: string, keys: (packet: Counted) => string[]): Sums {
    const sums: Sums = {};
    for (const packet of packets) {
      for (const key of keys(packet)) {
        sums[key] ??= { packets: 0, bytes: 0, estimated: 0 };
        sums[key].packets++;
        sums[key].bytes += packet.bytes;
        sums[key].estimated += weightOf(packet, by, key);
      }
    }
    return sums;
  }
  const sumsOf = (
    entries: readonly { key: string; packets: number; bytes: number; estimated?: { packets: number } | undefined }[],
  ): Sums =>
    Object.fromEntries(
      entries.map(({ key, packets, bytes, estimated }) => [
        key,
        { packets, bytes, estimated: estimated?.packets ?? packets },
      ]),
    );

  const range = {
    since: new Date(NOW_MS - 3 * 3_600_000).toISOString(),
    until: new Date(NOW_MS + 120_000).toISOString(),
  };

  it('counts no section of another log, whose flows are made, for one of this log that has none yet', async () => {
    const packet = { kind: 'udp', six: false, from: 0, to: 1, port: 53, isReply: false, isTagged: false } as const;
    const [one, other] = sectionsOf(
      ['a', 'b'].map((agent) => {
        const packets = [{ ...packet, damage: 'none', atNs: NOW_NS } as const];
        return { agent, filters: 'web@3', weights: [1], packets };
      }),
    );
    const behind = await take();
    await behind.read([recordOf(one!, 0n)], signal);
    // The same partition, the same offset.
    const imported = await take('import x');
    await imported.read([recordOf(other!, 0n)], signal);
    await imported.storeFlows(true);
    const top = await flows.top(TopQuery.parse({ ...range, by: 'agent' }), nowMs, signal);
    expect(top.entries.map(({ key, packets }) => [key, packets])).toEqual([
      ['a', 1],
      ['b', 1],
    ]);
  });

  it('says what of the range is given up: of flows with an expression, of their sums without one', async () => {
    const { since, until } = range;
    const [from, to] = [since, until].map((text) => BigInt(Date.parse(text)) * 1_000_000n);
    await pool.query(
      `INSERT INTO analytics.not_retained (class, ingested_from, ingested_to, ts_min, ts_max, rows, bytes, reason)
       VALUES ('flow', now(), now(), $1, $2, 1, 1, 'age')`,
      [from, to! - 1n],
    );
    const asked = (filter: string) => flows.top(TopQuery.parse({ ...range, filter, by: 'host' }), nowMs, signal);
    expect((await asked('tcp')).completeness.notRetained).toHaveLength(1);
    expect((await asked('')).completeness.notRetained).toBeUndefined();
    await pool.query("UPDATE analytics.not_retained SET class = 'rollup'");
    expect((await asked('tcp')).completeness.notRetained).toBeUndefined();
    expect((await asked('')).completeness.notRetained).toHaveLength(1);
    await pool.query('TRUNCATE analytics.not_retained');
  });

  /** Everything is asked, and compared with a recount of the packets. */
  async function compare(
    specs: readonly SectionSpec[],
    sections: readonly TestSection[],
    filter: string,
    given = range,
  ) {
    const from = BigInt(Math.floor(Date.parse(given.since) / 60_000)) * MINUTE;
    const to = BigInt(Math.ceil(Date.parse(given.until) / 60_000)) * MINUTE;
    const inRange = packetsOf(specs, sections, filter).filter(({ atNs }) => atNs >= from && atNs < to);
    // A flow behind tags tells nothing but that it is there, and packets without a sound header have none.
    const isOpen = ({ kind, isTagged, damage }: Counted) =>
      filter !== '' && kind !== 'arp' && (isTagged || damage !== 'none');
    const matching = inRange.filter((packet) => packet.verdict === 'yes' && !isOpen(packet));
    const matchingFlows = matching.filter(hasFlow);
    for (const by of topKeys) {
      const top = await flows.top(TopQuery.parse({ ...given, filter, by, limit: 1000 }), nowMs, signal);
      // What is not IP is counted where the expression surely means all of it.
      const othersCount = filter === '' || filter === 'not tcp';
      const counted = othersCount ? matching : matchingFlows;
      expect(sumsOf(top.entries)).toEqual(recount(counted, by, keysOf[by]));
      expect(top.total.packets).toBe(counted.length);
      const open = inRange.filter(isOpen).length;
      expect(top.completeness.packetsUndecided).toBeGreaterThanOrEqual(open);
      const yes = inRange.filter(({ verdict }) => verdict === 'yes').length;
      expect(top.completeness.packetsCounted + top.completeness.packetsUndecided).toBeGreaterThanOrEqual(yes);
      if (by !== 'agent') continue;
      for (const step of ['1m', '15m', '1h']) {
        const line = await flows.timeline(TimelineQuery.parse({ ...given, filter, step }), nowMs, signal);
        const stepNs = BigInt(line.stepMs) * 1_000_000n;
        const expected = recount(counted, 'time', ({ atNs }) => [
          new Date(Number(((atNs / stepNs) * stepNs) / 1_000_000n)).toISOString(),
        ]);
        expect(sumsOf(line.points.map(({ at, ...sum }) => ({ key: at, ...sum })))).toEqual(expected);
      }
    }
    const { listed } = await everyFlow({ ...given, filter });
    const flowKey = (p: Counted) =>
      [p.agent, p.filters, p.kind, hostOf(p.six, p.from), hostOf(p.six, p.to), ...portsOf(p)].join(' ');
    const portsOf = ({ kind, port, isReply }: Counted) =>
      kind === 'icmp' ? ['', ''] : isReply ? [port, 40_000] : [40_000, port];
    const byFlow = recount(matchingFlows, 'flow', (packet) => [flowKey(packet)]);
    expect(sumsOf(listed)).toEqual(byFlow);
  }

  async function everyFlow(query: object) {
    const listed: { key: string; packets: number; bytes: number; estimated?: { packets: number } | undefined }[] = [];
    const lasts: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await flows.list(FlowListQuery.parse({ ...query, limit: 7, cursor }), nowMs, signal);
      for (const flow of page.flows) {
        const { agent, filters, protocol, source, destination, sourcePort = '', destinationPort = '' } = flow;
        const key = [agent, filters.join(','), protocol, source, destination, sourcePort, destinationPort].join(' ');
        listed.push({ ...flow, key });
        lasts.push(flow.last);
      }
      cursor = page.next;
      if (cursor === undefined) break;
    }
    expect(lasts).toEqual(lasts.toSorted((a, b) => (a < b ? 1 : -1)));
    return { listed };
  }

  const expressions = [
    '',
    'ip',
    'tcp port 80',
    'host 10.0.0.1',
    'src host 2001:db8::2 and not port 53',
    'net 10.0.0.0/30 or udp',
    'not tcp',
    'dst portrange 50-100 or icmp',
    'ip6 net 2001:db8::/126 and (tcp or udp)',
    'ip host 10.0.0.2 and not src 10.0.0.1',
    'src port 80 and dst net 10.0.0.2/31',
    'src 10.0.0.3 and not dst port 40000',
  ];

  it('answers what a recount of the packets does, whoever stored them, and also before their flows are made', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anySection, { minLength: 1, maxLength: 10 }),
        fc.array(anyEvent, { maxLength: 12 }),
        fc.constantFrom(...expressions),
        fc.boolean(),
        async (specs, events, expression, isFinished) => {
          await empty();
          const sections = sectionsOf(specs);
          await ingest(sections, events, isFinished);
          await compare(specs, sections, expression);
        },
      ),
      { numRuns: 60, endOnFailure: true },
    );
  });
});
