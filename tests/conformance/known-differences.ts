import type { PacketMetadata } from '@bpfleet/bpf';
import type { Difference } from './comparison.js';
import { isWireless } from './link-types.js';

/** A difference from the installed libpcap that is meant, and why. docs/20-filter-language.md shows the same list. */
export interface KnownDifference {
  readonly name: string;
  /** What differs, from which side, and why it stays. */
  readonly reason: string;
  /** One expression and link form on which a test shows that the difference is still there. */
  readonly example: {
    readonly expression: string;
    readonly form: string;
    readonly packet?: string;
    readonly metadata?: Partial<PacketMetadata>;
  };
  readonly matches: (difference: Difference) => boolean;
}

const isVerdict = ({ packet }: Difference): boolean => packet !== undefined;
const isOursAlone = ({ packet, ours }: Difference): boolean => packet === undefined && ours === 'compiled';

/** Found by asking libpcap again, in another way; see `sharedWord`. */
export const WORD_SHARED: KnownDifference = {
  name: 'relation in front of an 802.11 payload',
  reason:
    'libpcap calculates a relation in the word of M[] where it keeps the length of the 802.11 header, when the relation stands first. Terms behind it then read the payload at a wrong place. Ours keeps them apart.',
  example: { expression: '(len < 0) or rarp', form: 'IEEE802_11', packet: '3800000000008035' },
  matches: () => false,
};

export const knownDifferences: readonly KnownDifference[] = [
  {
    name: 'lists and ranges of VLAN ids',
    reason: 'An extension of ours, in a form that libpcap refuses: `vlan 10,20-30`.',
    example: { expression: 'vlan 10,20-30', form: 'EN10MB' },
    matches: (difference) =>
      isOursAlone(difference) &&
      /syntax error$/.test(difference.theirs) &&
      /\bvlan\s+(0x)?[\da-f]+\s*[-,]/.test(difference.expression),
  },
  {
    name: 'byte with & or |',
    reason:
      'libpcap 1.10.3 leaves out the load: `byte 0 & 1` tests whatever an earlier term left in the accumulator. Ours tests the byte.',
    example: { expression: 'byte 0 & 1', form: 'RAW', packet: '450000140000000000000000000000000000000000' },
    matches: (difference) => isVerdict(difference) && /\bbyte\s+\S+\s*[&|](?![&|])/.test(difference.expression),
  },
  {
    name: 'first number of a divisor or distance',
    reason:
      'libpcap 1.10.3 (`gen_arth`) looks for a divisor of 0 or a distance above 31 in the first instruction of the right side: of `1 / ip[0]` that is the constant index, of `1 << (40 - ip[0])` the 40. It refuses; ours compiles.',
    example: { expression: '286 / ip[0] > 27', form: 'EN10MB' },
    matches: (difference) =>
      isOursAlone(difference) &&
      /^(division by zero|modulus by zero|shift by more than 31 bits)$/.test(difference.theirs) &&
      /([/%]|<<|>>)\s*(\(*\s*\w+\s*\[|\()/.test(difference.expression),
  },
  {
    name: 'constant shift by 32 or more',
    reason:
      'libpcap refuses `1 << 33` but not `1 << (33 + 0)`, whose value then depends on the machine. Ours refuses any constant distance of 32 or more.',
    example: { expression: 'ip[0] >> (30 + 3) = 1', form: 'EN10MB' },
    matches: ({ packet, ours, theirs }) =>
      packet === undefined && theirs === 'compiled' && ours.startsWith('FILTER_SYNTAX: a shift by'),
  },
  WORD_SHARED,
  {
    name: 'relation in front of live vlan',
    reason:
      'On a capture libpcap keeps in a word of M[] whether `vlan` found the tag in the bytes. Where `vlan` was not tried the word holds what a relation or a `protochain` before it calculated, and all offsets behind are wrong.',
    example: {
      expression: 'length < -8 && vlan 0xfff || mpls 03777777',
      form: 'EN10MB live',
      packet: '000000000000fffffe0000008847',
      metadata: { vlanTagPresent: true, vlanTci: 10, vlanProtocol: 0x88a8 },
    },
    matches: (difference) =>
      isVerdict(difference) &&
      difference.form.live &&
      /((\]|\blen|\d).*?[<>=]|\bprotochain\b).*\bvlan\b/.test(difference.expression),
  },
  {
    name: 'divisor that is always 0',
    reason:
      'libpcap refuses `ip[0] / 0` but compiles `ip[0] / (4 / 5)`, which no packet can match. Ours refuses both, because a constant 0 is never meant.',
    example: { expression: 'ip[0] % (4 / 5) = 1', form: 'EN10MB' },
    matches: ({ packet, ours, theirs }) =>
      packet === undefined && theirs === 'compiled' && ours.startsWith('FILTER_SYNTAX: a division by zero'),
  },
  {
    name: 'geneve behind protochain or a relation',
    reason:
      'libpcap reads offsets that only a matching `geneve` stores, also behind `or`. After `protochain` or a relation the same word of M[] holds a number of theirs; elsewhere it is unset (those pairs are excluded).',
    example: {
      expression: 'protochain 51 or geneve or not net 10.0.0.0/9',
      form: 'NULL',
      packet: `0000001c60000000001f${'00'.repeat(34)}59${'00'.repeat(30)}`,
    },
    matches: (difference) => isVerdict(difference) && /(\bprotochain\b|[<>=]).*\bgeneve\b/.test(difference.expression),
  },
  {
    name: 'geneve on 802.11',
    reason:
      'libpcap stores the length of the 802.11 header once, at the end of compiling, in the word of the offset that counts then: with `geneve` that is the offset of what the tunnel carries. Terms before read a word that nobody stored, and terms behind look right behind the 802.11 header, tunnel or not. Ours keeps a word for each.',
    example: {
      expression: 'link host ff:ff:ff:ff:ff:ff && (geneve or pppoes) or iso',
      form: 'IEEE802_11',
      packet: `${'00'.repeat(31)}23`,
    },
    matches: (difference) =>
      isVerdict(difference) &&
      isWireless(difference.form) &&
      /\bgeneve\b.*(\bor\b|\band\b|[&|])/.test(difference.expression),
  },
  {
    name: 'more offsets than words of memory',
    reason:
      'libpcap takes two words of M[] for each `geneve` and gives none back, so it refuses expressions with several. Ours shares words between those that are not needed at the same time.',
    example: { expression: 'geneve and geneve || geneve or (geneve and geneve and geneve)', form: 'EN10MB' },
    matches: (difference) =>
      isOursAlone(difference) && difference.theirs === 'too many registers needed to evaluate expression',
  },
  {
    name: 'geneve ends a label stack',
    reason:
      'libpcap goes on counting MPLS labels inside Geneve, and refuses protocols other than IP there. Ours reads the inner Ethernet frame.',
    example: { expression: 'mpls and geneve or arp', form: 'EN10MB' },
    matches: (difference) =>
      isOursAlone(difference) &&
      /^(unsupported protocol over mpls|no VLAN match after MPLS)$/.test(difference.theirs) &&
      /\bmpls\b.*\bgeneve\b/.test(difference.expression),
  },
  {
    name: 'protochain behind headers of variable length',
    reason:
      'libpcap follows a chain with a loop that adds to a fixed offset, and refuses after `geneve` and on 802.11. Ours unrolls the loop, so any offset will do.',
    example: { expression: 'geneve and protochain 6', form: 'EN10MB' },
    matches: (difference) =>
      isOursAlone(difference) && difference.theirs === "'protochain' not supported with variable length headers",
  },
];

/** The name of the entry that explains the difference. */
export function knownDifference(difference: Difference): string | undefined {
  return knownDifferences.find(({ matches }) => matches(difference))?.name;
}
