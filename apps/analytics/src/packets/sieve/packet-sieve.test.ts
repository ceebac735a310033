import { LinkType } from '@bpfleet/packet';
import { SectionWriter } from '@bpfleet/section';
import { liveFrames } from '@bpfleet/test-environment/live-traffic';
import { describe, expect, it } from 'vitest';
import { Random, seedOfRun } from '../../../../../tests/conformance/random.js';
import { packetPredicates } from '../packet-predicate.js';
import { PacketScan } from '../packet-scan.js';

const seed = seedOfRun();
const untilNs = 10n ** 15n;
const STORED = {
  agent: 'host-1',
  epoch: 1,
  seq: 1,
  tsMinNs: 1n,
  tsMaxNs: untilNs - 1n,
  packets: 0,
  droppedByKernel: 0,
};
const expressions = [
  ...['tcp', 'host 10.0.0.1', 'port 53 or port 443', 'ip6 and not udp', 'vlan and ip', 'tcp[tcpflags] & tcp-syn != 0'],
  ...['udp[8:4] & 0xff = 7', 'ip[ip[0] & 0xf] = 3', 'greater 300', 'not (net 10.0.0.0/8 or dst port 53)', 'arp'],
  'ether[len - 4] = 0',
];

/** Packets of several interfaces and link types, whole and cut, with tags that the kernel took out, and of no sense at all. */
function randomSection(random: Random, frames: Iterator<{ readonly bytes: Uint8Array }>): Buffer {
  const writer = new SectionWriter({ application: 'test', capacityBytes: 1024 * 1024 });
  writer.begin();
  const linkTypes = [LinkType.EN10MB, LinkType.EN10MB, LinkType.RAW, LinkType.LINUX_SLL2];
  const ids: number[] = [];
  for (let packet = 0; packet < 300; packet++) {
    if (packet % 70 === 0) {
      const linkType = linkTypes[ids.length % linkTypes.length]!;
      ids.push(writer.addInterface({ name: `eth${ids.length}`, linkType, description: `web@${ids.length + 1}` }));
    }
    const frame = frames.next().value as { readonly bytes: Uint8Array };
    const bytes = random.chance(5) ? Uint8Array.from(frame.bytes, () => random.below(256)) : frame.bytes;
    const captured = random.chance(60) ? bytes.length : random.below(bytes.length + 1);
    const vlan = random.chance(10) ? { tpid: 0x8100, tci: random.below(4096) } : undefined;
    writer.append(random.of(ids), 1 + packet, 0, bytes, 0, captured, bytes.length, vlan, 0);
  }
  return Buffer.from(writer.finish({}));
}

/** What is found in a section, and how much was looked at; or why it cannot be read. */
function outcome(body: Buffer, expression: string, version: string | undefined, isSifted: boolean) {
  const predicates = packetPredicates(expression);
  const predicateOf: typeof predicates = isSifted ? predicates : (...of) => predicates(...of);
  const scan = new PacketScan({ sinceNs: 0n, untilNs, predicateOf, version });
  try {
    const packets = scan.open({ ...STORED, body }).map(({ section: _, ...packet }) => packet);
    return { packets, counts: scan.counts };
  } catch (error) {
    return { error: String(error) };
  }
}

describe(`a sieve (BPFLEET_TEST_SEED=${seed})`, () => {
  const random = new Random(seed);
  const frames = liveFrames(seed, { liveFlows: 200 });

  it.each(expressions)('finds what a look at each packet finds: %s', (expression) => {
    let found = 0;
    for (let round = 0; round < 10; round++) {
      const body = randomSection(random, frames);
      for (const version of [undefined, 'web@2']) {
        const sifted = outcome(body, expression, version, true);
        expect(sifted).toEqual(outcome(body, expression, version, false));
        found += sifted.counts!.packetsScanned;
      }
    }
    expect(found).toBeGreaterThan(3000);
  });

  it('reads or refuses a damaged section as a look at each packet does', () => {
    let refused = 0;
    for (let round = 0; round < 20; round++) {
      const whole = randomSection(random, frames);
      const expression = random.of(expressions);
      for (let damage = 0; damage < 60; damage++) {
        const body = Buffer.from(whole);
        // Lengths and numbers of blocks are words.
        const word = random.below(body.length / 4) * 4;
        body.writeUInt32LE(random.of([0, 2, 3, random.below(100), random.below(2 ** 32)]), word);
        const sifted = outcome(body, expression, undefined, true);
        expect(sifted).toEqual(outcome(body, expression, undefined, false));
        if (sifted.error !== undefined) refused++;
      }
    }
    expect(refused).toBeGreaterThan(10);
  });
});
