import { execFileSync } from 'node:child_process';
import { createHosts, type Host, type Hosts } from '@bpfleet/test-environment';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { randomFrame, randomNumbers } from '../../../testing/random-frames.js';
import type { TestFilter } from '../../../testing/signing-service.js';
import { CapSource } from '../cap-source.js';
import type { SourceAbilities } from '../packet-source.js';
import { expectedOf } from './expected-packets.js';
import { RECORDED_APART_NS, RECORDED_AT_NS, SourceHarness, type SourceKind } from './source-harness.js';

const seed = Number(process.env.BPFLEET_TEST_SEED ?? Date.now() % 1_000_000_000);
const PACKETS = 2_000;

const filter = (name: string, expression: string, more: Partial<TestFilter> = {}): TestFilter => ({
  ...{ filter: name, version: 1, expression, snaplenBytes: 128 },
  ...more,
});
const FILTERS = [
  filter('tcp', 'tcp', { snaplenBytes: 54 }),
  filter('web', 'tcp port 443 or tcp port 80', { snaplenBytes: 1500 }),
  filter('dns', 'udp port 53', { sampling: 4 }),
  filter('tagged', 'vlan 3', { snaplenBytes: 60 }),
  filter('net', 'src net 10.0.2.0/24 and not port 22', { snaplenBytes: 96 }),
  filter('six', 'ip6', { sampling: 3 }),
  filter('short', 'less 60', { snaplenBytes: 262_144 }),
  filter('byte', 'ether[100] > 128'),
];

/** An Ethernet frame with TCP from and to these ports, of 198.18.0.1 and .2, with a number in its sequence. */
function tcpFrame(sourcePort: number, destinationPort: number, number: number): Uint8Array {
  const frame = new Uint8Array(60);
  frame.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 6, 0, 0]);
  frame.set([198, 18, 0, 1, 198, 18, 0, 2], 26);
  const view = new DataView(frame.buffer);
  view.setUint16(34, sourcePort);
  view.setUint16(36, destinationPort);
  view.setUint32(38, number);
  frame[46] = 0x50;
  return frame;
}

/** What holds for every source, and what each says that it lacks. */
export function sourceContract(kind: SourceKind, abilities: SourceAbilities): void {
  let hosts: Hosts;
  let host: Host;
  let source: SourceHarness;
  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
    host = hosts.host(1);
  });
  afterAll(() => hosts.remove());
  beforeEach(() => {
    source = new SourceHarness(kind, hosts, host);
  });
  afterEach(() => source.stop());

  it(`stores of ${PACKETS} packets those that match, whole or cut, under their versions, and counts them (seed ${seed})`, async () => {
    const random = randomNumbers(seed);
    const frames = Array.from({ length: PACKETS }, () => randomFrame(random));
    const expected = expectedOf(frames, FILTERS);
    await source.capture(frames, FILTERS);
    const matches = Object.values(expected.counted).reduce((sum, { matched }) => sum + matched, 0);
    const packets = await source.stored(matches);
    expect(packets.map(({ bytes, wireLength, versions }) => ({ bytes, wireLength, versions }))).toEqual(
      expected.stored,
    );
    const { versions, sockets, taken } = await source.rig.source.counters();
    expect(
      Object.fromEntries(
        versions.map(({ version, matched, stored, truncated, sampledOut }) => [
          version,
          { matched, stored, truncated, sampledOut },
        ]),
      ),
    ).toEqual(expected.counted);
    expect([taken, sockets.length]).toEqual([expected.passed, 1]);
    expect(sockets[0]).toMatchObject({ passed: expected.passed, taken: expected.passed, dropped: 0 });
  });

  it('has a section appended that the disk did not take before', async () => {
    await source.capture([tcpFrame(1, 2, 1)], [filter('a', '')]);
    await source.stored(1);
    const [first] = await source.rig.read();
    const header = { ...first!.header, seq: first!.header.seq + 100 };
    await source.rig.source.spool({ header, bytes: first!.bytes });
    const isThere = async () => (await source.rig.read()).some(({ header: { seq } }) => seq === header.seq);
    await source.rig.until('it to be in the spool', isThere);
  });

  it('says what it can do', async () => {
    await source.capture([], [filter('a', '')]);
    expect(source.rig.source).toMatchObject({ kind, abilities, troubles: [] });
  });

  it(`${abilities.kernelProgram ? 'proves' : 'only reports'} what runs`, async () => {
    const outcomes = await source.capture([tcpFrame(1, 2, 1)], [filter('a', 'udp')]);
    const { statements } = await source.rig.opener.attest('nonce');
    expect(outcomes.map(({ state }) => state)).toEqual([abilities.kernelProgram ? 'attested' : 'reported']);
    expect(statements).toHaveLength(abilities.kernelProgram ? 1 : 0);
  });

  it(`${abilities.direction ? 'tells' : 'does not tell'} which way packets went`, async () => {
    const frames = [1, 2, 3].map((number) => tcpFrame(1, 2, number));
    const outcomes = await source.capture(frames, [filter('all', 'tcp'), filter('in', 'inbound and tcp')]);
    expect(outcomes.map(({ filter: name, state }) => [name, state])).toEqual(
      abilities.direction
        ? [
            ['all', 'attested'],
            ['in', 'attested'],
          ]
        : [
            ['all', 'reported'],
            ['in', 'not applicable'],
          ],
    );
    const packets = await source.stored(abilities.direction ? 6 : 3);
    const blocks = packets.map(({ versions, block }) => [versions, block.direction]);
    expect(blocks).toEqual(frames.map(() => (abilities.direction ? ['all@1,in@1', 'in'] : ['all@1', undefined])));
  });

  it('gives packets the time of their capture', async () => {
    const beforeNs = BigInt(Date.now()) * 1_000_000n;
    const frames = [1, 2, 3].map((number) => tcpFrame(1, 2, number));
    await source.capture(frames, [filter('all', 'tcp')]);
    const times = (await source.stored(3)).map(({ atNs }) => atNs);
    if (kind === 'file') {
      expect(times).toEqual(frames.map((_, index) => RECORDED_AT_NS + BigInt(index) * RECORDED_APART_NS));
      return;
    }
    const afterNs = BigInt(Date.now() + 1) * 1_000_000n;
    expect(times.every((atNs, index) => atNs >= (times[index - 1] ?? beforeNs) && atNs <= afterNs)).toBe(true);
    if (!abilities.nanosecondTime) expect(times.every((atNs) => atNs % 1_000n === 0n)).toBe(true);
  });

  it(`captures nothing of bpfleet’s own connections${kind === 'file' ? ', of which a file has none' : ''}`, async () => {
    const frames = [tcpFrame(5000, 9092, 1), tcpFrame(5000, 80, 2), tcpFrame(9092, 5000, 3), tcpFrame(5000, 81, 4)];
    const excluded = ['198.18.0.1', '198.18.0.2'].map((address) => ({ address, port: 9092 }));
    await source.capture(frames, [filter('all', 'tcp')], excluded);
    const kept = kind === 'file' ? [1, 2, 3, 4] : [2, 4];
    const packets = await source.stored(kept.length);
    expect(packets.map(({ bytes }) => Buffer.from(bytes, 'hex').readUInt32BE(38))).toEqual(kept);
    expect((await source.rig.source.counters()).taken).toBe(kept.length);
  });

  if (kind === 'file') return;

  it('goes over to a new version: each packet has one, none is lost', async () => {
    await source.capture([tcpFrame(1, 2, 1)], [filter('f', 'tcp')]);
    await source.stored(1);
    await source.rig.desire(source.rig.service.desire([filter('f', 'tcp or udp', { version: 2 })]));
    if (abilities.kernelProgram) await source.rig.settled();
    source.send([tcpFrame(1, 2, 2)]);
    const packets = await source.stored(2);
    expect(packets.map(({ versions }) => versions)).toEqual(['f@1', 'f@2']);
  });

  it('goes on when an interface was down', async () => {
    await source.capture([tcpFrame(1, 2, 1)], [filter('f', 'tcp')]);
    await source.stored(1);
    const before = source.rig.events.length;
    const link = (state: string) =>
      hosts.inside(host, () => execFileSync('ip', ['link', 'set', 'eth0', state], { stdio: 'pipe' }));
    link('down');
    try {
      await source.rig.until('the interface to be missed', () => source.rig.events.length > before);
      if (source.rig.source instanceof CapSource) expect(source.rig.source.reads).toEqual([]);
    } finally {
      link('up');
    }
    await source.ready();
    await source.rig.until('packets to come again', async () => {
      source.send([tcpFrame(1, 2, 2)]);
      const { versions } = await source.rig.source.counters();
      return versions.reduce((sum, { matched }) => sum + matched, 0) >= 2;
    });
    const numbers = (await source.stored(2)).map(({ bytes }) => Buffer.from(bytes, 'hex').readUInt32BE(38));
    expect([numbers[0], new Set(numbers.slice(1))]).toEqual([1, new Set([2])]);
  });
}
