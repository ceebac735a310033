import { InProcessBus } from '@bpfleet/bus';
import { type PacketQuery, packetsTopic, queryApi } from '@bpfleet/contract';
import { buildEthernet, buildIpv4, buildUdp, LinkType } from '@bpfleet/packet';
import { forEachPacket, readSection } from '@bpfleet/section';
import { createDatabase, type PostgresConnection, type TestDatabase } from '@bpfleet/test-environment';
import { liveFrames } from '@bpfleet/test-environment/live-traffic';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { packetPredicates } from '../packets/packet-predicate.js';
import { migratedDatabase, RunningAnalytics } from '../testing/running-analytics.js';
import { busRecord, makeSection, type SectionShape, type TestSection } from '../testing/sections.js';

const HOSTS = 20;
const startNs = BigInt(Date.now() - 60_000) * 1_000_000n;

/** UDP from 10.0.n.1 to 10.9.9.9, from and to ports of its own. */
function frame(n: number): Uint8Array {
  const ends = { source: `10.0.${n}.1`, destination: '10.9.9.9' };
  const payload = buildUdp({ ...ends, sourcePort: 40_000 + n, destinationPort: 1000 + n, payload: `packet ${n}` });
  return buildEthernet({ payload: buildIpv4({ ...ends, protocol: 17, payload }) });
}

/** A section per host, the later the higher; then one whose tag came beside the bytes, and two that are opaque. */
const shapes: Pick<SectionShape, 'packets' | 'linkType'>[] = [
  ...Array.from({ length: HOSTS }, (_, n) => ({ packets: [{ atNs: startNs + BigInt(n), bytes: frame(n) }] })),
  { packets: [{ atNs: startNs + 100n, bytes: frame(100), vlan: { tpid: 0x88a8, tci: 7 } }] },
  { packets: [{ atNs: startNs + 101n, bytes: frame(101), capturedLength: 30 }] },
  { packets: [{ atNs: startNs + 102n, bytes: frame(102) }], linkType: LinkType.NETLINK },
];
const OPAQUE = 2;
const sections = shapes.map((shape, seq) => makeSection({ agent: 'host-1', epoch: 1, seq, filter: 'web@3', ...shape }));

/** Live traffic: few hosts in many sections, most hosts in few. */
const SECTION_PACKETS = 25;
const LIVE_SECTIONS = 40;
const source = liveFrames(7, { liveFlows: 200 });
const liveTraffic = Array.from({ length: LIVE_SECTIONS * SECTION_PACKETS }, () => source.next().value);
const live = Array.from({ length: LIVE_SECTIONS }, (_, seq) => {
  const first = seq * SECTION_PACKETS;
  const packets = liveTraffic.slice(first, first + SECTION_PACKETS).map(({ bytes }, index) => ({
    ...{ atNs: startNs + BigInt(first + index), bytes, capturedLength: Math.min(bytes.length, 128) },
  }));
  return makeSection({ agent: 'host-1', epoch: 1, seq, filter: 'web@3', packets });
});
/** That are there: one of IPv4, one of IPv6, and the last. */
const liveHosts = [
  liveTraffic.find(({ flow }) => !flow.source.includes(':'))!,
  liveTraffic.find(({ flow }) => flow.source.includes(':'))!,
  liveTraffic.at(-1)!,
].map(({ flow }) => flow.source);

/** Without any index: the ids of what matches, and how many packets are undecided. */
function answerFromAll(sections: readonly TestSection[], expression: string): { ids: string[]; undecided: number } {
  const predicateOf = packetPredicates(expression);
  const found = { ids: [] as string[], undecided: 0 };
  for (const { header, value } of sections) {
    const { interfaces } = readSection(value);
    forEachPacket(value, (packet) => {
      const verdict = predicateOf(interfaces[packet.interfaceId]!.linkType)(value, packet);
      if (verdict === 'yes') found.ids.unshift(`host-1.1.${header.seq}.${packet.index}`);
      if (verdict === 'undecided') found.undecided++;
      return true;
    });
  }
  return found;
}

/** A service that has stored them. */
class StoredSections {
  private constructor(
    private readonly database: TestDatabase,
    private readonly analytics: RunningAnalytics,
  ) {}

  static async start(connection: PostgresConnection, sections: readonly TestSection[]): Promise<StoredSections> {
    const database = await createDatabase(connection, migratedDatabase);
    const bus = new InProcessBus();
    const analytics = await new RunningAnalytics(database.connection, bus, { partitions: 1 }).start();
    const stored = new StoredSections(database, analytics);
    const producer = bus.producer();
    await producer.start();
    await producer.send(packetsTopic(), sections.map(busRecord), 30_000);
    await producer.stop();
    await vi.waitFor(
      async () => expect((await stored.ask({ limit: 1000 })).completeness.sectionsScanned).toBe(sections.length),
      { timeout: 30_000 },
    );
    return stored;
  }

  ask(query: Partial<PacketQuery>) {
    return this.analytics.client.call(queryApi.listPackets, { query });
  }

  async stop(): Promise<void> {
    await this.analytics.stop();
    await this.database.drop();
  }
}

suiteRequires('pruning', { postgres: await postgres() }, ({ postgres: { connection } }) => {
  let stored: StoredSections;
  const ask = (query: Partial<PacketQuery>) => stored.ask(query);
  beforeAll(async () => {
    stored = await StoredSections.start(connection, sections);
  });
  afterAll(() => stored?.stop());

  it.each([
    'host 10.0.3.1',
    'host 10.9.9.9',
    'src net 10.0.4.0/22',
    'net 10.0.16.0/21 and udp',
    'port 1005 or port 40007',
    'ip6',
    'tcp',
    'arp',
    'host 10.0.100.1',
    'vlan 7',
    'vlan and host 10.0.100.1',
    'vlan 8',
    'ether host 00:00:00:00:00:01',
    'not host 10.0.3.1',
    'less 60',
    'udp[8:4] = 0x7061636b and host 10.0.3.1',
    'host 192.0.2.1',
  ])('answers “%s” as a scan of everything would', async (filter) => {
    const { packets, completeness } = await ask({ filter, limit: 1000 });
    const { ids, undecided } = answerFromAll(sections, filter);
    expect(packets.map(({ id }) => id)).toEqual(ids);
    expect(completeness.packetsUndecided).toBe(undecided);
    expect(completeness.sectionsScanned + completeness.sectionsPruned).toBe(sections.length);
  });
  it('reads no section but those that may hold a match, and those that are opaque', async () => {
    const { completeness } = await ask({ filter: 'host 192.0.2.1', limit: 1000 });
    expect(completeness).toMatchObject({ sectionsScanned: OPAQUE, sectionsPruned: sections.length - OPAQUE });
    const there = await ask({ filter: 'host 10.0.3.1', limit: 1000 });
    expect(there.completeness).toMatchObject({ sectionsScanned: OPAQUE + 1, rangeScanned: true });
    const everything = await ask({ filter: 'not tcp', limit: 1000 });
    expect(everything.completeness).toMatchObject({ sectionsScanned: sections.length, sectionsPruned: 0 });
  });
  it('counts what it passed over up to where the limit was reached', async () => {
    // The two opaque ones and the tagged one come first, and hold no match; then host 19 … 4, and one more is read.
    const { packets, completeness } = await ask({ filter: 'host 10.0.3.1 or host 10.0.1.1', limit: 1 });
    expect(packets.map(({ id }) => id)).toEqual(['host-1.1.3.0']);
    expect(completeness).toMatchObject({ rangeScanned: false, sectionsScanned: OPAQUE + 1 });
    expect(completeness.sectionsPruned).toBe(1 + (HOSTS - 4));
  });
  it('leaves sections of other link types out when one is asked for', async () => {
    const { completeness } = await ask({ linktype: 'RAW', limit: 1000 });
    expect(completeness).toMatchObject({ sectionsScanned: OPAQUE, sectionsPruned: sections.length - OPAQUE });
  });
});

suiteRequires('pruning of live traffic', { postgres: await postgres() }, ({ postgres: { connection } }) => {
  let stored: StoredSections;
  beforeAll(async () => {
    stored = await StoredSections.start(connection, live);
  });
  afterAll(() => stored?.stop());

  it.each([
    ...liveHosts.map((host) => `host ${host}`),
    ...liveHosts.map((host) => `not host ${host} and port 443`),
    'udp port 53 and ip',
    'src port 53 and udp[10] & 0x80 != 0',
    'tcp dst port 443 and tcp[20] = 22',
    'net 45.0.0.0/16',
    'ip6 net 2a00:1::/32',
    'greater 1000 and not udp',
    'host 46.1.2.3',
  ])('answers “%s” as a scan of everything would', async (filter) => {
    const { packets, completeness } = await stored.ask({ filter, limit: 1000 });
    const { ids, undecided } = answerFromAll(live, filter);
    expect(packets.map(({ id }) => id)).toEqual(ids);
    expect(completeness.packetsUndecided).toBe(undecided);
    expect(ids.length > 0).toBe(filter !== 'host 46.1.2.3');
  });
  it('reads hardly a section for a host that is not there', async () => {
    const { completeness } = await stored.ask({ filter: 'host 46.1.2.3', limit: 1000 });
    expect(completeness.sectionsScanned).toBeLessThan(live.length / 10);
  });
});
