import type { Network4, Network6 } from '../resolve/meaning.js';
import { join } from './join.js';
import { ALL, IPV4_BITS, IPV6_BITS, type Prefilter, type PrefilterToken, tokenOf } from './prefilter.js';

/** A network is written out as so many of the next longer indexed prefixes at most. */
const MOST_EXPANDED = 256;
/** A longer list is asked for by shorter prefixes. */
const MOST_LISTED = 1024;

type Address = readonly [number, number, number, number];

/** An address of either version as four words; IPv4's stands in the first. */
interface Prefix {
  readonly address: Address;
  /** How many leading bits count. Bits that count behind a gap in the mask are left out, which only prunes less. */
  readonly bits: number;
  /** Whether nothing but the leading bits counts. */
  readonly isWhole: boolean;
}

/** Both versions are the same but for which prefixes are indexed. */
interface Version {
  /** The longest first. */
  readonly indexed: readonly number[];
  token(address: Address, bits: number): PrefilterToken;
}

const VERSION4: Version = {
  indexed: IPV4_BITS,
  token: ([address], bits) => ({ kind: 'ipv4', address, bits: bits as (typeof IPV4_BITS)[number] }),
};
const VERSION6: Version = {
  indexed: IPV6_BITS,
  token: (address, bits) => ({ kind: 'ipv6', address, bits: bits as (typeof IPV6_BITS)[number] }),
};

/** A packet with an address in one of the networks has one of these. */
export function inNetworks4(networks: readonly Network4[]): Prefilter {
  return inOneOf(
    networks.map(({ address, mask }) => prefixOf([address, 0, 0, 0], [mask, 0, 0, 0])),
    VERSION4,
  );
}

export function inNetworks6(networks: readonly Network6[]): Prefilter {
  return inOneOf(
    networks.map(({ address, mask }) => prefixOf(address, mask)),
    VERSION6,
  );
}

function prefixOf(address: Address, mask: Address): Prefix {
  let bits = 0;
  while (bits < 128 && bitOf(mask, bits) === 1) bits++;
  const isWhole = mask.every((word, index) => word === maskOfWord(index, bits));
  return { address: cutTo(address, bits), bits, isWhole };
}

function bitOf(words: Address, at: number): number {
  return ((words[at >>> 5] ?? 0) >>> (31 - (at & 31))) & 1;
}

/** Exactly where that is short, else by prefixes so short that they are few. */
function inOneOf(prefixes: readonly Prefix[], version: Version): Prefilter {
  const exact = join(
    'or',
    prefixes.map((prefix) => within(prefix, version)),
  );
  if (exact.kind !== 'or' || exact.parts.length <= MOST_LISTED) return exact;
  for (const longest of version.indexed) {
    const coarse = join(
      'or',
      prefixes.map((prefix) => startsAs(prefix, longest, version)),
    );
    if (coarse.kind !== 'or' || coarse.parts.length <= MOST_LISTED) return coarse;
  }
  return ALL;
}

/** The longest indexed prefix that is not longer; between two also one of the next longer ones. */
function within(prefix: Prefix, version: Version): Prefilter {
  const start = startsAs(prefix, prefix.bits, version);
  const next = version.indexed.findLast((bits) => bits >= prefix.bits);
  if (next === undefined || next === prefix.bits || !prefix.isWhole) return start;
  const count = 2 ** (next - prefix.bits);
  if (prefix.bits === 0 || count > MOST_EXPANDED) return start;
  const parts = Array.from({ length: count }, (_, index) =>
    tokenOf(version.token(counted(prefix.address, next, index), next)),
  );
  return join('and', [start, join('or', parts)]);
}

function startsAs({ address, bits }: Prefix, most: number, version: Version): Prefilter {
  const indexed = version.indexed.find((one) => one <= bits && one <= most);
  return indexed === undefined ? ALL : tokenOf(version.token(cutTo(address, indexed), indexed));
}

function cutTo([a, b, c, d]: Address, bits: number): Address {
  const keep = (word: number, index: number) => (word & maskOfWord(index, bits)) >>> 0;
  return [keep(a, 0), keep(b, 1), keep(c, 2), keep(d, 3)];
}

function maskOfWord(index: number, bits: number): number {
  const inWord = Math.min(32, Math.max(0, bits - 32 * index));
  return inWord === 0 ? 0 : (0xffff_ffff << (32 - inWord)) >>> 0;
}

/** The `index`-th address of `bits` bits behind this one. The expanded bits never cross a word: at most eight, to a multiple of 8. */
function counted(address: Address, bits: number, index: number): Address {
  const at = (bits - 1) >>> 5;
  const step = index * 2 ** (31 - ((bits - 1) & 31));
  const [a, b, c, d] = address.map((word, place) => (place === at ? (word + step) >>> 0 : word));
  return [a ?? 0, b ?? 0, c ?? 0, d ?? 0];
}
