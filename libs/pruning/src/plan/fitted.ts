import { type Prefilter, type PrefilterToken, printToken } from '@bpfleet/pcap-filter';

type Token = Extract<Prefilter, { kind: 'token' }>;
type Bits4 = Extract<PrefilterToken, { kind: 'ipv4' }>['bits'];
type Bits6 = Extract<PrefilterToken, { kind: 'ipv6' }>['bits'];

/** The longest prefixes that are left, step by step. */
const SHORTER: readonly { readonly ipv4: Bits4; readonly ipv6: Bits6 }[] = [
  { ipv4: 24, ipv6: 64 },
  { ipv4: 16, ipv6: 48 },
  { ipv4: 8, ipv6: 32 },
];
const ALL: Prefilter = { kind: 'all' };

/**
 * Asks for `most` tokens at most: each costs something for every section. The condition becomes weaker, never wrong. Of
 * what must all hold the short parts stay as they are; of a long list the addresses are shortened until they are few.
 */
export function fitted(prefilter: Prefilter, most: number): Prefilter {
  if (countTokens(prefilter) <= most) return prefilter;
  switch (prefilter.kind) {
    case 'and':
      return fittedParts(prefilter.parts, most);
    case 'or':
      return SHORTER.map((prefix) => shortened(prefilter, prefix)).find((one) => countTokens(one) <= most) ?? ALL;
    default:
      return ALL;
  }
}

export function countTokens(prefilter: Prefilter): number {
  if (prefilter.kind === 'token') return 1;
  if (prefilter.kind !== 'and' && prefilter.kind !== 'or') return 0;
  return prefilter.parts.reduce((count, part) => count + countTokens(part), 0);
}

function fittedParts(parts: readonly Prefilter[], most: number): Prefilter {
  const kept: Prefilter[] = [];
  let left = most;
  for (const part of parts.toSorted((a, b) => countTokens(a) - countTokens(b))) {
    const fits = fitted(part, left);
    if (fits.kind !== 'all') kept.push(fits);
    left -= countTokens(fits);
  }
  return kept.length === 0 ? ALL : { kind: 'and', parts: kept };
}

function shortened(prefilter: Prefilter, prefix: (typeof SHORTER)[number]): Prefilter {
  if (prefilter.kind === 'token') return { kind: 'token', token: shortenedToken(prefilter, prefix) };
  if (prefilter.kind !== 'and' && prefilter.kind !== 'or') return prefilter;
  const parts = new Map<string | Prefilter, Prefilter>();
  for (const part of prefilter.parts.map((one) => shortened(one, prefix))) {
    parts.set(part.kind === 'token' ? printToken(part.token) : part, part);
  }
  return { kind: prefilter.kind, parts: [...parts.values()] };
}

function shortenedToken({ token }: Token, prefix: (typeof SHORTER)[number]): PrefilterToken {
  if (token.kind === 'ipv4' && token.bits > prefix.ipv4) {
    return { ...token, bits: prefix.ipv4, address: (token.address & (0xffff_ffff << (32 - prefix.ipv4))) >>> 0 };
  }
  if (token.kind === 'ipv6' && token.bits > prefix.ipv6) {
    const [a, b] = token.address;
    const second = prefix.ipv6 === 64 ? b : prefix.ipv6 === 48 ? (b & 0xffff_0000) >>> 0 : 0;
    return { ...token, bits: prefix.ipv6, address: [a, second, 0, 0] };
  }
  return token;
}
