import { mayMatch, type Prefilter, type PrefilterToken } from '@bpfleet/pcap-filter';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countTokens, fitted } from './fitted.js';

type Ipv4 = Extract<PrefilterToken, { kind: 'ipv4' }>;
type Ipv6 = Extract<PrefilterToken, { kind: 'ipv6' }>;

/** Few addresses, which share prefixes of every length. */
const address4 = fc
  .tuple(fc.nat(1), fc.nat(1), fc.nat(1), fc.nat(3))
  .map(([a, b, c, d]) => a * 2 ** 24 + b * 2 ** 16 + c * 256 + d);
const cut4 = (address: number, bits: Ipv4['bits']): Ipv4 => ({
  ...{ kind: 'ipv4', bits },
  address: (address & (0xffff_ffff << (32 - bits))) >>> 0,
});
const cut6 = ([a, b, c, d]: Ipv6['address'], bits: Ipv6['bits']): Ipv6 => ({
  ...{ kind: 'ipv6', bits },
  address: [a, bits > 48 ? b : bits > 32 ? (b & 0xffff_0000) >>> 0 : 0, bits > 64 ? c : 0, bits > 64 ? d : 0],
});
const address6 = fc.tuple(fc.nat(1), fc.constantFrom(0, 1, 0x10000, 0x10001), fc.nat(1), fc.nat(1));
const token = fc.oneof(
  fc.tuple(address4, fc.constantFrom<Ipv4['bits']>(32, 24, 16, 8)).map(([address, bits]) => cut4(address, bits)),
  fc.tuple(address6, fc.constantFrom<Ipv6['bits']>(128, 64, 48, 32)).map(([address, bits]) => cut6(address, bits)),
  fc.nat(5).map((port): PrefilterToken => ({ kind: 'port', port })),
);
const { prefilter } = fc.letrec<{ prefilter: Prefilter }>((tie) => ({
  prefilter: fc.oneof(
    { maxDepth: 3 },
    token.map((one): Prefilter => ({ kind: 'token', token: one })),
    fc.record({
      kind: fc.constantFrom('and', 'or'),
      parts: fc.array(tie('prefilter'), { minLength: 1, maxLength: 12 }),
    }) as fc.Arbitrary<Prefilter>,
  ),
}));

/** What an index with these addresses and ports says. */
function indexWith(addresses4: readonly number[], addresses6: readonly Ipv6['address'][], ports: readonly number[]) {
  return (asked: PrefilterToken): boolean => {
    if (asked.kind === 'ipv4') return addresses4.some((one) => cut4(one, asked.bits).address === asked.address);
    if (asked.kind === 'port') return ports.includes(asked.port);
    return addresses6.some(
      (one) => String(cut6(one, (asked as Ipv6).bits).address) === String((asked as Ipv6).address),
    );
  };
}

describe('fitted', () => {
  it('asks for so many tokens at most, and leaves out nothing that the prefilter does not', () => {
    fc.assert(
      fc.property(
        prefilter,
        fc.integer({ min: 1, max: 20 }),
        fc.array(address4, { maxLength: 3 }),
        fc.array(address6, { maxLength: 3 }),
        fc.array(fc.nat(5), { maxLength: 3 }),
        (whole, most, addresses4, addresses6, ports) => {
          const fits = fitted(whole, most);
          expect(countTokens(fits)).toBeLessThanOrEqual(most);
          const has = indexWith(addresses4, addresses6, ports);
          if (mayMatch(whole, has)) expect(mayMatch(fits, has)).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });
  it('changes nothing that is short', () => {
    fc.assert(
      fc.property(prefilter, (whole) => {
        expect(fitted(whole, countTokens(whole))).toBe(whole);
      }),
    );
  });
});
