import { encodeProgram } from '@bpfleet/bpf';
import { interfaces, PacketSender, PacketSocket } from '@bpfleet/linux';
import { compile } from '@bpfleet/pcap-filter';
import { canMakeHosts, createHosts, type Hosts } from '@bpfleet/test-environment';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CaptureRig } from '../testing/capture-rig.js';
import { randomFrame, randomNumbers } from '../testing/random-frames.js';

const possible = await canMakeHosts();
/** A million packets in the long form: `BPFLEET_TEST_ROUNDS=50`. */
const PACKETS = 20_000 * Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);
const BATCH = 2_000;
const seed = Number(process.env.BPFLEET_TEST_SEED ?? Date.now() % 1_000_000_000);
const title = possible.ok ? `attribution, seed ${seed}` : `attribution [skipped: ${possible.reason}]`;

const EXPRESSIONS = [
  ...['tcp', 'udp port 53', 'tcp port 443 or tcp port 80', 'icmp', 'icmp6', 'arp', 'ip6', 'vlan 3', 'vlan'],
  ...['net 10.0.1.0/24', 'host 10.0.0.1 and not port 22', 'src net 10.0.2.0/24 and dst portrange 50-130'],
  ...['tcp[tcpflags] & (tcp-syn|tcp-rst) != 0', 'ip[6:2] & 0x1fff != 0', 'ip[0] & 0xf > 5', 'ether[100] > 128'],
  ...['less 100', 'greater 150', 'sctp or udp[4:2] > 1000', 'not ip and not arp'],
];
const SNAPLENS = [54, 96, 128, 1500, 262_144];

describe.runIf(possible.ok)(title, () => {
  let hosts: Hosts;
  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
  });
  afterAll(() => hosts.remove());

  it(`says of ${EXPRESSIONS.length} linked filters what the kernel says of each alone, over ${PACKETS} packets`, async () => {
    const host = hosts.host(1);
    const rig = new CaptureRig(host.namespacePath);
    await rig.start();
    const alone = EXPRESSIONS.map((expression) => {
      const interfaceIndex = hosts.interfaceIndex(host);
      const socket = hosts.inside(host, () =>
        PacketSocket.open({ interfaceIndex, blockBytes: 1 << 16, blockCount: 4, blockTimeoutMs: 1000 }),
      );
      return { socket, program: encodeProgram(compile(expression, { live: true }).program) };
    });
    const wire = hosts.inside(hosts.hub, () =>
      PacketSender.open({ interfaceIndex: interfaces().find(({ name }) => name === 'h1')!.index }),
    );
    try {
      const filters = EXPRESSIONS.map((expression, index) => ({
        filter: `f${index}`,
        version: 1,
        expression,
        snaplenBytes: SNAPLENS[index % SNAPLENS.length]!,
        interfaces: ['eth0'],
      }));
      await rig.desire(rig.service.desire(filters));
      for (const { socket, program } of alone) socket.attach(program);
      const kernel = () => alone.map(({ socket }) => socket.statistics().passed);
      /** What both sides counted of the same packets: the host sends some of its own (IPv6), at any moment. */
      const bothSides = async () => {
        for (;;) {
          const before = kernel();
          await rig.until('everything to be read', async () => {
            const { sockets } = await rig.source.counters();
            return sockets.every(({ passed, dropped, taken }) => passed - dropped === taken);
          });
          const { versions, sockets } = await rig.source.counters();
          expect(sockets.map(({ dropped }) => dropped)).toEqual([0]);
          const ours = filters.map(({ filter }) => versions.find(({ version }) => version === `${filter}@1`)!.matched);
          const alone = kernel();
          if (alone.every((count, index) => count === before[index])) return { ours, alone };
        }
      };
      const first = await bothSides();
      const random = randomNumbers(seed);
      for (let sent = 0; sent < PACKETS; sent += BATCH) {
        wire.send(Array.from({ length: BATCH }, () => randomFrame(random)));
        await rig.read();
        rig.sections.length = 0;
      }
      const last = await bothSides();
      const countsOf = (side: 'ours' | 'alone') =>
        Object.fromEntries(EXPRESSIONS.map((text, index) => [text, last[side][index]! - first[side][index]!]));
      expect(countsOf('ours')).toEqual(countsOf('alone'));
      expect(Object.values(countsOf('ours')).every((count) => count > 0)).toBe(true);
    } finally {
      wire.close();
      for (const { socket } of alone) socket.close();
      await rig.stop();
    }
  }, 600_000);
});
