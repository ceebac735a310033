import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatenate } from './bytes.js';
import { internetChecksum, pseudoHeader } from './checksum.js';
import { buildIpv4, buildIpv4Fragments } from './ip.js';
import { buildIcmp, buildIcmpv6, buildTcp, buildUdp } from './transport.js';

const four = { source: '192.0.2.1', destination: '198.51.100.2' };
const six = { source: '2001:db8::1', destination: '2001:db8::2' };
const ports = { sourcePort: 1, destinationPort: 2 };

describe('packet builders', () => {
  it('compute the Internet checksum of RFC 1071, 3', () => {
    expect(internetChecksum(Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7))).toBe(~0xddf2 & 0xffff);
  });

  it('write checksums that verify: the sum over header and data is 0', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(four, six), (payload, ends) => {
        const tcp = buildTcp({ ...ends, ...ports, flags: 2, payload });
        const udp = buildUdp({ ...ends, ...ports, payload });
        expect(internetChecksum(pseudoHeader(ends, 6, tcp.length), tcp)).toBe(0);
        expect(internetChecksum(pseudoHeader(ends, 17, udp.length), udp)).toBe(0);
        expect(internetChecksum(buildIcmp({ type: 8, payload }))).toBe(0);
        const icmp6 = buildIcmpv6({ ...six, type: 128, payload });
        expect(internetChecksum(pseudoHeader(six, 58, icmp6.length), icmp6)).toBe(0);
        expect(internetChecksum(buildIpv4({ ...four, protocol: 6, payload: tcp }).subarray(0, 20))).toBe(0);
      }),
    );
  });

  it('cut a payload into fragments that give it back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4000 }), fc.integer({ min: 68, max: 1500 }), (payload, mtuBytes) => {
        const fragments = buildIpv4Fragments({ ...four, protocol: 17, payload }, mtuBytes);
        expect(Math.max(...fragments.map((fragment) => fragment.length))).toBeLessThanOrEqual(mtuBytes);
        expect([...concatenate(...fragments.map((fragment) => fragment.subarray(20)))]).toEqual([...payload]);
      }),
    );
  });
});
