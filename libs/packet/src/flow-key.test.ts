import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildArp,
  buildEthernet,
  buildIpv4,
  buildIpv6,
  buildUdp,
  Dissection,
  dissect,
  flowKeyOf,
  formatIpv4,
  formatIpv6,
} from './index.js';

const into = new Dissection();
function keyOf(bytes: Uint8Array): string | undefined {
  dissect(bytes, 0, bytes.length, 1, into);
  return flowKeyOf(into, bytes);
}

const port = fc.constantFrom(0, 53, 256, 65_535);
const octet = fc.constantFrom(0, 1, 255);
const four = fc.array(octet, { minLength: 4, maxLength: 4 }).map((a) => formatIpv4(Uint8Array.from(a), 0));
const six = fc.array(octet, { minLength: 16, maxLength: 16 }).map((a) => formatIpv6(Uint8Array.from(a), 0));
const flowOf = (address: fc.Arbitrary<string>, build: typeof buildIpv4) =>
  fc.record({ source: address, destination: address, sourcePort: port, destinationPort: port }).map((flow) => ({
    text: JSON.stringify(flow),
    frame: buildEthernet({ payload: build({ ...flow, protocol: 17, payload: buildUdp(flow) }) }),
  }));
const anyFlow = fc.oneof(flowOf(four, buildIpv4), flowOf(six, buildIpv6));

describe('flowKeyOf', () => {
  it('gives equal keys to equal 5-tuples and no others', () => {
    fc.assert(
      fc.property(anyFlow, anyFlow, (a, b) => {
        expect(keyOf(a.frame) === keyOf(b.frame)).toBe(a.text === b.text);
      }),
      { numRuns: 1000 },
    );
  });

  it('changes with any bit of the 5-tuple', () => {
    fc.assert(
      fc.property(anyFlow, fc.nat(37), fc.nat(7), ({ frame }, at, bit) => {
        const isIpv6 = frame[12] === 0x86;
        const tupleLength = isIpv6 ? 36 : 12;
        const start = isIpv6 ? 22 : 26;
        const changed = frame.slice();
        changed[start + (at % tupleLength)]! ^= 1 << bit;
        expect(keyOf(changed)).not.toBe(keyOf(frame));
        const otherProtocol = frame.slice();
        otherProtocol[isIpv6 ? 20 : 23] = 132;
        expect(keyOf(otherProtocol)).not.toBe(keyOf(frame));
      }),
      { numRuns: 2000 },
    );
  });

  it('has none for ARP, and tells the directions of a connection apart', () => {
    const arp = { senderMac: '02:00:00:00:00:01', senderAddress: '10.0.0.1', targetAddress: '10.0.0.2' } as const;
    expect(keyOf(buildEthernet({ etherType: 0x0806, payload: buildArp({ operation: 'request', ...arp }) }))).toBe(
      undefined,
    );
    const flow = { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 1, destinationPort: 2 };
    const back = { source: '10.0.0.2', destination: '10.0.0.1', sourcePort: 2, destinationPort: 1 };
    const [one, other] = [flow, back].map((f) =>
      keyOf(buildEthernet({ payload: buildIpv4({ ...f, protocol: 17, payload: buildUdp(f) }) })),
    );
    expect(one).not.toBe(other);
  });
});
