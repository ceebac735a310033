import { InProcessBus } from '@bpfleet/bus';
import { type PacketQuery, packetsTopic, queryApi } from '@bpfleet/contract';
import { buildEthernet, buildIpv4, buildUdp, LinkType } from '@bpfleet/packet';
import { forEachPacket, readSection } from '@bpfleet/section';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
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

/** Without any index: the ids of what matches, and how many packets are undecided. */
function answerFromAll(expression: string): { ids: string[]; undecided: number } {
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

suiteRequires('pruning', { postgres: await postgres() }, ({ postgres: { connection } }) => {
  let database: TestDatabase;
  let analytics: RunningAnalytics;
  const ask = (query: Partial<PacketQuery>) => analytics.client.call(queryApi.listPackets, { query });

  beforeAll(async () => {
    database = await createDatabase(connection, migratedDatabase);
    const bus = new InProcessBus();
    analytics = await new RunningAnalytics(database.connection, bus, { partitions: 1 }).start();
    const producer = bus.producer();
    await producer.start();
    await producer.send(
      packetsTopic(),
      sections.map((section: TestSection) => busRecord(section)),
      30_000,
    );
    await producer.stop();
    await vi.waitFor(
      async () => expect((await ask({ limit: 1000 })).completeness.sectionsScanned).toBe(sections.length),
      { timeout: 30_000 },
    );
  });
  afterAll(async () => {
    await analytics?.stop();
    await database?.drop();
  });

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
    const { ids, undecided } = answerFromAll(filter);
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
