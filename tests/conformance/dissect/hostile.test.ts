import { dissectPacket, type Node } from '@bpfleet/dissect';
import { buildEthernet, buildIpv4, buildTcp, buildUdp, concatenate } from '@bpfleet/packet';
import { describe, expect, it } from 'vitest';
import { printFigures } from '../figures.js';
import { Random, seedOfRun } from '../random.js';
import { timeLimitMs } from '../time-limit.js';
import { LINKS, randomFrame } from './frames.js';
import { mutate } from './mutate.js';
import { ascii, u16 } from './pieces.js';

/** `BPFLEET_TEST_PACKETS=1000000` is the long form. */
const PACKETS = Number(process.env.BPFLEET_TEST_PACKETS) || 20_000;
/** What the library promises, with the lines that say where a packet ends. */
const MOST_NODES = 4_100;
const MOST_DEPTH = 60;

interface Walked {
  nodes: number;
  depth: number;
  problems: Set<string>;
}

/** Walks a tree and finds what no packet may make of it. */
function walk(nodes: readonly Node[], captured: number, depth: number, into: Walked): string | undefined {
  into.depth = Math.max(into.depth, depth);
  for (const node of nodes) {
    into.nodes++;
    if (node.name.startsWith('_ws.')) into.problems.add(node.name);
    const isInside = node.offset >= 0 && node.lengthBytes >= 0 && node.offset + node.lengthBytes <= captured;
    if (!isInside || !Number.isInteger(node.offset))
      return `${node.name} at ${node.offset} of ${node.lengthBytes} bytes`;
    if (/[^\x20-\x7e]/.test(`${node.text}${node.value ?? ''}`)) return `${node.name} is not printable`;
    const inner = walk(node.children ?? [], captured, depth + 1, into);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

describe('hostile packets', () => {
  it(
    'never throw, and give a bounded tree whose nodes stand in what was captured',
    () => {
      const random = new Random(seedOfRun());
      const problems = new Map<string, number>(
        ['_ws.short', '_ws.unreassembled', '_ws.malformed', '_ws.expert'].map((name) => [name, 0]),
      );
      let largest = 0;
      for (let count = 0; count < PACKETS; count++) {
        const linkType = random.of(LINKS);
        const bytes = mutate(random, randomFrame(random, linkType).bytes);
        const wireLength = bytes.length + random.of([0, 0, 10, 1500]);
        const context = () =>
          `seed ${random.seed}, packet ${count}: ${Buffer.from(bytes).toString('hex')} of ${wireLength}`;
        const seen: Walked = { nodes: 0, depth: 0, problems: new Set() };
        let wrong: string | undefined;
        try {
          wrong = walk(dissectPacket({ bytes, linkType, wireLength }), bytes.length, 0, seen);
        } catch (error) {
          wrong = `threw ${error}`;
        }
        if (wrong !== undefined) expect.fail(`${wrong} on ${context()}`);
        if (seen.nodes > MOST_NODES || seen.depth > MOST_DEPTH)
          expect.fail(`${seen.nodes} nodes, ${seen.depth} deep on ${context()}`);
        largest = Math.max(largest, seen.nodes);
        for (const problem of seen.problems) problems.set(problem, (problems.get(problem) ?? 0) + 1);
      }
      printFigures(
        random.seed,
        `${PACKETS} packets; largest tree ${largest} nodes; said ${[...problems].map(([name, times]) => `${name} ${times}`).join(', ')}`,
      );
      expect([...problems].filter(([, times]) => times === 0)).toEqual([]);
    },
    timeLimitMs(PACKETS),
  );

  const ends = { source: '10.0.0.1', destination: '10.0.0.2' };
  const tcp = (port: number, payload: Uint8Array) =>
    buildEthernet({
      payload: buildIpv4({
        ...ends,
        protocol: 6,
        payload: buildTcp({ ...ends, sourcePort: 63_000, destinationPort: port, flags: 16, payload }),
      }),
    });
  const udp = (port: number, payload: Uint8Array) =>
    buildEthernet({
      payload: buildIpv4({
        ...ends,
        protocol: 17,
        payload: buildUdp({ ...ends, sourcePort: 63_000, destinationPort: port, payload }),
      }),
    });
  const repeated = (piece: Uint8Array, sizeBytes: number) =>
    concatenate(...Array.from({ length: Math.floor(sizeBytes / piece.length) }, () => piece));
  const LARGE = 60_000;
  /** As many names as fit, each a chain of pointers as long as may be. */
  const pointers = concatenate(...Array.from({ length: 120 }, (_, i) => u16(0xc000 | (12 + 2 * Math.max(0, i - 1)))));

  it.each<[string, Uint8Array]>([
    ['tags in tags', buildEthernet({ etherType: 0x8100, payload: repeated(u16(1, 0x8100), LARGE) })],
    [
      'IP in IP',
      buildEthernet({ payload: repeated(buildIpv4({ ...ends, protocol: 4, payload: new Uint8Array() }), LARGE) }),
    ],
    [
      'DNS records that point into a chain',
      udp(
        53,
        concatenate(
          u16(1, 0x8000, 0, 65_535, 0, 0),
          pointers,
          repeated(concatenate(u16(0xc000 | 250, 1, 1, 0, 0, 0)), LARGE),
        ),
      ),
    ],
    [
      'DNS texts of one byte',
      udp(
        53,
        concatenate(
          u16(1, 0x8000, 0, 1, 0, 0),
          Uint8Array.of(0),
          u16(16, 1, 0, 0, 59_000),
          repeated(Uint8Array.of(1, 65), 59_000),
        ),
      ),
    ],
    ['TLS records of nothing', tcp(443, repeated(Uint8Array.of(23, 3, 3, 0, 0), LARGE))],
    [
      'TLS messages of nothing',
      tcp(443, concatenate(Uint8Array.of(22, 3, 3), u16(16_384), repeated(Uint8Array.of(14, 0, 0, 0), LARGE))),
    ],
    ['HTTP lines of nothing', tcp(80, concatenate(ascii('GET / HTTP/1.1\r\n'), repeated(ascii('a\n'), LARGE)))],
    ['one HTTP line without an end', tcp(80, concatenate(ascii('GET /'), repeated(ascii('a'), LARGE)))],
    [
      'SCTP chunks of nothing',
      buildEthernet({
        payload: buildIpv4({
          ...ends,
          protocol: 132,
          payload: concatenate(new Uint8Array(12), repeated(Uint8Array.of(11, 0, 0, 4), LARGE)),
        }),
      }),
    ],
    [
      'SCTP data in many chunks',
      buildEthernet({
        payload: buildIpv4({
          ...ends,
          protocol: 132,
          payload: concatenate(
            new Uint8Array(12),
            repeated(concatenate(Uint8Array.of(0, 3, 0, 20), new Uint8Array(16)), LARGE),
          ),
        }),
      }),
    ],
    [
      'quotes in quotes',
      buildEthernet({
        payload: repeated(
          concatenate(buildIpv4({ ...ends, protocol: 1, payload: Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0) })),
          LARGE,
        ),
      }),
    ],
  ])('of 60 KB with %s give a bounded tree', (_, bytes) => {
    const seen: Walked = { nodes: 0, depth: 0, problems: new Set() };
    expect(walk(dissectPacket({ bytes, linkType: 1 }), bytes.length, 0, seen)).toBeUndefined();
    expect(seen.nodes).toBeLessThanOrEqual(MOST_NODES);
    expect(seen.depth).toBeLessThanOrEqual(MOST_DEPTH);
  });
});
