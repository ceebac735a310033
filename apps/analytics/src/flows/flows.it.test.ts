import { TopQuery } from '@bpfleet/contract';
import { createPool, ensurePartitions } from '@bpfleet/store';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { compareFlows, range } from '../testing/flow-recount.js';
import { anySection, MINUTE, type SectionSpec, type Spec, sectionsOf } from '../testing/flow-specs.js';
import { anyEvent, FlowsRig } from '../testing/flows-rig.js';
import { migratedDatabase } from '../testing/running-analytics.js';
import { NOW_NS, recordOf } from '../testing/sections.js';

suiteRequires('Questions about flows', { postgres: await postgres() }, ({ postgres: server }) => {
  let database: TestDatabase;
  let rig: FlowsRig;
  const { signal } = new AbortController();
  beforeAll(async () => {
    database = await createDatabase(server.connection, migratedDatabase);
    rig = new FlowsRig(createPool({ connection: database.connection, name: 'test', onError: () => {} }));
    await ensurePartitions(rig.pool);
  });
  afterAll(async () => {
    await rig.pool.end();
    await database.drop();
  });
  beforeEach(() => rig.empty());

  it('merges sums to minutes, tens of them and hours, and what comes late for itself', async () => {
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
      const { rows } = await rig.pool.query(`SELECT (SELECT count(*) FROM analytics.flow_minute)::int AS minutes,
        (SELECT count(*) FROM analytics.flow_ten_minutes)::int AS tens, (SELECT count(*) FROM analytics.flow_hour)::int AS hours, (SELECT sum(packets) FROM analytics.flow_hour)::int AS packets`);
      return rows[0];
    };
    const sections = sectionsOf(specs);
    const owner = await rig.take();
    const some = {
      since: new Date(Number(begin / 1_000_000n)).toISOString(),
      until: new Date(Number((begin + 120n * MINUTE) / 1_000_000n)).toISOString(),
    };
    for (const [offset, section] of sections.entries()) {
      await owner.read([recordOf(section, BigInt(offset))], signal);
      await owner.storeFlows(true);
      if (offset !== 3) continue;
      expect(await counts()).toEqual({ minutes: 4, tens: 0, hours: 0, packets: null });
      await rig.rollUp();
      expect(await counts()).toEqual({ minutes: 3, tens: 3, hours: 2, packets: 4 });
      await compareFlows(rig, specs.slice(0, 4), sections.slice(0, 4), '', some);
    }
    await rig.rollUp();
    await rig.rollUp();
    expect(await counts()).toEqual({ minutes: 4, tens: 4, hours: 3, packets: 5 });
    await compareFlows(rig, specs, sections, '', some);
    // Edges within hours: tens of minutes answer, and minutes.
    const edges = {
      since: new Date(Date.parse(some.since) + 60_000).toISOString(),
      until: new Date(Date.parse(some.until) - 3_600_000).toISOString(),
    };
    await compareFlows(rig, specs, sections, '', edges);
    await compareFlows(rig, specs, sections, 'udp', edges);
    // As before there were tens: hours have what minutes answer for.
    await rig.pool.query('UPDATE analytics.flow_minute SET is_in_ten_minutes = false');
    await rig.pool.query('TRUNCATE analytics.flow_ten_minutes');
    await rig.rollUp();
    expect(await counts()).toEqual({ minutes: 4, tens: 0, hours: 3, packets: 5 });
    for (const range of [some, edges]) await compareFlows(rig, specs, sections, '', range);
  });

  it('counts no section of another log, whose flows are made, for one of this log that has none yet', async () => {
    const packet = { kind: 'udp', six: false, from: 0, to: 1, port: 53, isReply: false, isTagged: false } as const;
    const [one, other] = sectionsOf(
      ['a', 'b'].map((agent) => {
        const packets = [{ ...packet, damage: 'none', atNs: NOW_NS } as const];
        return { agent, filters: 'web@3', weights: [1], packets };
      }),
    );
    const behind = await rig.take();
    await behind.read([recordOf(one!, 0n)], signal);
    // The same partition, the same offset.
    const imported = await rig.take('import x');
    await imported.read([recordOf(other!, 0n)], signal);
    await imported.storeFlows(true);
    const top = await rig.flows.top(TopQuery.parse({ ...range, by: 'agent' }), rig.nowMs, signal);
    expect(top.entries.map(({ key, packets }) => [key, packets])).toEqual([
      ['a', 1],
      ['b', 1],
    ]);
  });

  it('says what of the range is given up: of flows with an expression, of their sums without one', async () => {
    const { since, until } = range;
    const [from, to] = [since, until].map((text) => BigInt(Date.parse(text)) * 1_000_000n);
    await rig.pool.query(
      `INSERT INTO analytics.not_retained (class, ingested_from, ingested_to, ts_min, ts_max, rows, bytes, reason)
       VALUES ('flow', now(), now(), $1, $2, 1, 1, 'age')`,
      [from, to! - 1n],
    );
    const asked = (filter: string) =>
      rig.flows.top(TopQuery.parse({ ...range, filter, by: 'host' }), rig.nowMs, signal);
    expect((await asked('tcp')).completeness.notRetained).toHaveLength(1);
    expect((await asked('')).completeness.notRetained).toBeUndefined();
    await rig.pool.query("UPDATE analytics.not_retained SET class = 'rollup'");
    expect((await asked('tcp')).completeness.notRetained).toBeUndefined();
    expect((await asked('')).completeness.notRetained).toHaveLength(1);
    await rig.pool.query('TRUNCATE analytics.not_retained');
  });

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
          await rig.empty();
          const sections = sectionsOf(specs);
          await rig.ingest(sections, events, isFinished);
          await compareFlows(rig, specs, sections, expression);
        },
      ),
      { numRuns: 60, endOnFailure: true },
    );
  });

  // Deeper than the planner is shown, to the left and to the right.
  const anyOperator = fc.constantFrom(' and ', ' or ', ' and not ');
  const { anyExpression } = fc.letrec<{ anyExpression: string; anyPart: string }>((tie) => ({
    anyExpression: fc
      .tuple(tie('anyPart'), fc.array(fc.tuple(anyOperator, tie('anyPart')), { minLength: 1, maxLength: 6 }))
      .map(([first, rest]) => [first, ...rest.flat()].join('')),
    anyPart: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      fc.constantFrom('tcp', 'udp', 'ip6', 'ip host 10.0.0.1', 'src port 80', 'ip src 10.0.0.2', 'dst port 53'),
      tie('anyExpression').map((expression) => `(${expression})`),
    ),
  }));

  it('decides expressions of any depth as the packets do', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anySection, { minLength: 5, maxLength: 10 }),
        anyExpression.map((expression) => `(ip or ip6) and (${expression}) or icmp`),
        async (specs, expression) => {
          await rig.empty();
          const sections = sectionsOf(specs);
          await rig.ingest(sections, [], true);
          await compareFlows(rig, specs, sections, expression);
        },
      ),
      { numRuns: 10, endOnFailure: true },
    );
  });
  it('answers a chain of 2,400 pairs', async () => {
    const filter = `${'ip or ip6 and '.repeat(2_400)} ip`;
    const top = await rig.flows.top(TopQuery.parse({ ...range, filter, by: 'host' }), rig.nowMs, signal);
    expect(top.total.packets).toBe(0);
  });
});
