import { canMakeHosts, createHosts, type Hosts } from '@bpfleet/test-environment';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { printFigures } from '../../../../tests/conformance/figures.js';
import { AloneRig, difference } from '../testing/alone-rig.js';
import { randomFrame, randomNumbers } from '../testing/random-frames.js';

const possible = await canMakeHosts();
/** A million packets in the long form: `BPFLEET_TEST_ROUNDS=50`. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);
const PACKETS = 20_000 * ROUNDS;
const BATCH = 10_000;
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
  let rig: AloneRig;
  beforeEach(async () => {
    hosts = await createHosts({ count: 1 });
    rig = new AloneRig(hosts.host(1), hosts.hub);
    await rig.start();
  });
  afterEach(async () => {
    await rig.stop();
    await hosts.remove();
  });

  it(`says of ${EXPRESSIONS.length} linked filters what the kernel says of each alone, over ${PACKETS} packets`, {
    timeout: 60_000 + 30_000 * ROUNDS,
  }, async () => {
    await rig.run(
      EXPRESSIONS.map((expression, index) => ({
        ...{ filter: `f${index}`, version: 1, expression, interfaces: ['eth0'] },
        snaplenBytes: SNAPLENS[index % SNAPLENS.length]!,
      })),
    );
    const random = randomNumbers(seed);
    const counts = new Map<string, number>();
    for (let sent = 0; sent < PACKETS; sent += BATCH) {
      await rig.send(Array.from({ length: BATCH }, () => randomFrame(random)));
      const matches = await rig.matches();
      expect(matches.map(difference)).toEqual(matches.map(() => undefined));
      for (const { filter, alone } of matches)
        counts.set(filter.expression, (counts.get(filter.expression) ?? 0) + alone.length);
    }
    printFigures(seed, `${PACKETS} packets, 0 different; matches: ${JSON.stringify(Object.fromEntries(counts))}`);
    expect([...counts].filter(([, count]) => count === 0)).toEqual([]);
  });
});
