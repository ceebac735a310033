import type { Difference } from './comparison.js';

/** A difference from the installed libpcap that is meant, and why. docs/20-filter-language.md shows the same list. */
export interface KnownDifference {
  readonly name: string;
  /** What differs, from which side, and why it stays. */
  readonly reason: string;
  /** One expression and link form on which a test shows that the difference is still there. */
  readonly example: { readonly expression: string; readonly form: string; readonly packet?: string };
  readonly matches: (difference: Difference) => boolean;
}

const isVerdict = ({ packet }: Difference): boolean => packet !== undefined;
const isOursAlone = ({ packet, ours }: Difference): boolean => packet === undefined && ours === 'compiled';

export const knownDifferences: readonly KnownDifference[] = [
  {
    name: 'byte with & or |',
    reason:
      'libpcap 1.10.3 leaves out the load: `byte 0 & 1` tests whatever an earlier term left in the accumulator. Ours tests the byte.',
    example: { expression: 'byte 0 & 1', form: 'RAW', packet: '450000140000000000000000000000000000000000' },
    matches: (difference) => isVerdict(difference) && /\bbyte\s+\S+\s*[&|](?![&|])/.test(difference.expression),
  },
  {
    name: 'division by a byte at 0',
    reason:
      'libpcap 1.10.3 (`gen_arth`) looks for a divisor or distance of 0 in the first instruction of the right side; of `1 / ip[0]` that is the constant index. It refuses; ours compiles.',
    example: { expression: '286 / ip[0] > 27', form: 'EN10MB' },
    matches: (difference) =>
      isOursAlone(difference) &&
      /^(division by zero|modulus by zero|shift by more than 31 bits)$/.test(difference.theirs) &&
      /([/%]|<<|>>)\s*\(*\s*\w+\s*\[/.test(difference.expression),
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
