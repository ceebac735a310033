import { buildEthernet, buildIpv4, buildTcp, buildUdp, LinkType, Protocol } from '@bpfleet/packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dissectPacket } from './dissect-packet.js';
import { nodesOf } from './testing/find.js';

const linkTypes = [...Object.values(LinkType), 147];

describe('any bytes', () => {
  it('give a tree whose nodes stand in what was captured, and whose text holds no control character', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom(...linkTypes),
        fc.nat(100),
        (bytes, linkType, cut) => {
          for (const node of nodesOf(dissectPacket({ bytes, linkType, wireLength: bytes.length + cut }))) {
            expect(node.offset).toBeLessThanOrEqual(bytes.length);
            expect(node.offset + node.lengthBytes).toBeLessThanOrEqual(bytes.length);
            expect(node.text).toMatch(/^[\x20-\x7e]*$/);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
  it.each(['tcp', 'udp', 'ip'])('make no layer fail that are more than a packet may have (%s)', (layer) => {
    fc.assert(
      fc.property(
        fc.constantFrom(...openings),
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.nat(),
        (opening, unit, port) => {
          const payload = new Uint8Array(LONG_BYTES);
          for (let at = opening.length; at < payload.length; at += unit.length) {
            payload.set(unit.subarray(0, payload.length - at), at);
          }
          payload.set(opening);
          const bytes = longFrame(layer, payload, ports[port % ports.length]!);
          for (const node of nodesOf(dissectPacket({ bytes, linkType: LinkType.EN10MB, wireLength: bytes.length }))) {
            expect(node.offset + node.lengthBytes).toBeLessThanOrEqual(bytes.length);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});

/** Four times a packet's most: a test's thread has four times the stack of a process, and a stack is what may be too short. */
const LONG_BYTES = 1_048_576;

/** Where the long part of a message stands behind bytes that are known. */
const openings = [
  ...['HTTP/1.1 ', 'HTTP/1.1 200', 'HTTP/1.1 200 ', 'GET ', 'GET /', 'POST / HTTP/1.1\r\n', 'GET / HTTP/1.1\r\nHost: '],
  ...['\x16\x03\x01\xff\xff\x01\x00\xff\xff', '\x16\x03\x03\xff\xff\x02\xff\xff\xff', '\x17\x03\x03\xff\xff'],
  ...[
    '\xff\xff\x12\x34\x84\x00\xff\xff\xff\xff\xff\xff\xff\xff',
    '\x12\x34\x01\x00\xff\xff\x00\x00\x00\x00\x00\x00',
    '',
  ],
].map((text) => Uint8Array.from(text, (character) => character.charCodeAt(0)));
const ports = [53, 80, 443, 5353, 8080, 4789, 1];

/** Longer than IPv4 can say: a length of 0, as segmentation offload leaves it. */
function longFrame(layer: string, payload: Uint8Array, destinationPort: number): Uint8Array {
  const from = { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 40_000, destinationPort };
  const [protocol, segment] =
    layer === 'tcp'
      ? ([Protocol.TCP, buildTcp({ ...from, flags: 24, payload })] as const)
      : layer === 'udp'
        ? ([Protocol.UDP, buildUdp({ ...from, payload: payload.subarray(0, 60_000) })] as const)
        : ([destinationPort % 256, payload] as const);
  const frame = buildEthernet({ payload: buildIpv4({ ...from, protocol, payload: segment.subarray(0, 60_100) }) });
  const bytes = new Uint8Array(14 + 20 + segment.length);
  bytes.set(frame.subarray(0, 34));
  bytes.set(segment, 34);
  bytes.fill(0, 16, 18);
  return bytes;
}
