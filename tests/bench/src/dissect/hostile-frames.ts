import { buildEthernet, buildIpv4, buildTcp, buildUdp, concatenate } from '@bpfleet/packet';

const ends = { source: '10.0.0.1', destination: '10.0.0.2' };
const SIZE_BYTES = 60_000;
const ascii = (text: string) => new TextEncoder().encode(text);
const u16 = (...numbers: readonly number[]) =>
  Uint8Array.from(numbers.flatMap((number) => [number >> 8, number & 0xff]));
const repeated = (piece: Uint8Array) =>
  concatenate(...Array.from({ length: Math.floor(SIZE_BYTES / piece.length) }, () => piece));
const overIp = (protocol: number, payload: Uint8Array) =>
  buildEthernet({ payload: buildIpv4({ ...ends, protocol, payload }) });
const overTcp = (destinationPort: number, payload: Uint8Array) =>
  overIp(6, buildTcp({ ...ends, sourcePort: 63_000, destinationPort, flags: 16, payload }));
const overUdp = (destinationPort: number, payload: Uint8Array) =>
  overIp(17, buildUdp({ ...ends, sourcePort: 63_000, destinationPort, payload }));

/** One frame for each protocol in which a length, a count or a pointer could make work that the bytes do not. */
export function hostileFrames(): readonly Uint8Array[] {
  const chain = u16(...Array.from({ length: 120 }, (_, i) => 0xc000 | (12 + 2 * Math.max(0, i - 1))));
  const record = u16(0xc000 | (12 + 2 * 119), 1, 1, 0, 0, 0);
  return [
    buildEthernet({ etherType: 0x8100, payload: repeated(u16(1, 0x8100)) }),
    overUdp(53, concatenate(u16(1, 0x8000, 0, 0xffff, 0, 0), chain, repeated(record))),
    overUdp(
      53,
      concatenate(u16(1, 0x8000, 0, 0xffff, 0, 0), repeated(concatenate(Uint8Array.of(0), u16(99, 1, 0, 0, 0)))),
    ),
    overTcp(443, repeated(Uint8Array.of(23, 3, 3, 0, 0))),
    overTcp(443, concatenate(Uint8Array.of(22, 3, 3), u16(16_384), repeated(Uint8Array.of(14, 0, 0, 0)))),
    overTcp(80, concatenate(ascii('GET / HTTP/1.1\r\n'), repeated(ascii('a\n')))),
    overTcp(80, concatenate(ascii('GET /'), repeated(ascii('a')))),
    overIp(132, concatenate(new Uint8Array(12), repeated(Uint8Array.of(11, 0, 0, 4)))),
  ];
}
