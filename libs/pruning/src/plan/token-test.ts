import type { PrefilterToken } from '@bpfleet/pcap-filter';
import { bitsOf } from '../bloom/bloom.js';
import { layerOf } from '../tokens/layers.js';
import { hashOf, TokenKind } from '../tokens/token-hash.js';
import type { SectionTest } from './section-test.js';

/**
 * How the index is asked for a token: in its Bloom filter, or in the exact set. An address is asked for with its shorter
 * prefixes, which are there where it is: a wrong "yes" needs one for each of them.
 * @param prefixes how many at most, its own included
 */
export function tokenTest(token: PrefilterToken, prefixes: number = IPV4_BITS.length): SectionTest {
  switch (token.kind) {
    case 'ipv4': {
      const lengths = IPV4_BITS.filter((bits) => bits <= token.bits).slice(0, prefixes);
      return allOf(lengths.map((bits) => ipv4(token.address, bits)));
    }
    case 'ipv6': {
      const lengths = IPV6_BITS.filter((bits) => bits <= token.bits).slice(0, prefixes);
      return allOf(lengths.map((bits) => ipv6(token.address, bits)));
    }
    case 'port':
      return bits(TokenKind.port, [token.port]);
    case 'mac': {
      const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = token.address;
      return bits(TokenKind.mac, [a * 256 + b, (c << 24) | (d << 16) | (e << 8) | f]);
    }
    case 'vlan':
      return bits(TokenKind.vlan, [token.id]);
    case 'ethertype':
      return { kind: 'layers', anyOf: [layerOf.etherType(token.value)] };
    case 'protocol':
      return { kind: 'layers', anyOf: [layerOf.protocol(token.value)] };
  }
}

const IPV4_BITS = [32, 24, 16, 8] as const;
const IPV6_BITS = [128, 64, 48, 32] as const;
type Ipv6Words = Extract<PrefilterToken, { kind: 'ipv6' }>['address'];

const ipv4 = (address: number, length: (typeof IPV4_BITS)[number]): SectionTest =>
  bits(TokenKind.ipv4[length], [address & (0xffff_ffff << (32 - length))]);

function ipv6([a, b, c, d]: Ipv6Words, length: (typeof IPV6_BITS)[number]): SectionTest {
  switch (length) {
    case 128:
      return bits(TokenKind.ipv6[128], [a, b, c, d]);
    case 64:
      return bits(TokenKind.ipv6[64], [a, b]);
    case 48:
      return bits(TokenKind.ipv6[48], [a, b & 0xffff_0000]);
    case 32:
      return bits(TokenKind.ipv6[32], [a]);
  }
}

const bits = (kind: number, words: readonly number[]): SectionTest => ({
  kind: 'bits',
  bits: bitsOf(...hashOf(kind, words)),
});

const allOf = ([first, ...rest]: readonly SectionTest[]): SectionTest =>
  rest.length === 0 ? first! : { kind: 'and', parts: [first!, ...rest] };
