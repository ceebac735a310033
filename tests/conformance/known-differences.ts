import type { PacketMetadata } from '@bpfleet/bpf';
import type { Difference } from './comparison.js';
import { isWireless } from './link-types.js';
import { isBodyPadded } from './packets/wireless.js';
import {
  calculationsIn,
  constantOf,
  firstNumber,
  isChain,
  isRelation,
  isWord,
  standsInOrder,
  termsOf,
} from './terms.js';

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
  /** The oracle puts libpcap's program right before anything is compared (`repairChain`), so no comparison meets it. */
  readonly isRepaired?: true;
}

const isOursAlone = ({ packet, ours }: Difference): boolean => packet === undefined && ours === 'compiled';
const isTheirsAlone = ({ packet, theirs }: Difference): boolean => packet === undefined && theirs === 'compiled';
const [isVlan, isMpls, isPppoes, isGeneve] = (['vlan', 'mpls', 'pppoes', 'geneve'] as const).map(isWord) as [
  OfTerm,
  OfTerm,
  OfTerm,
  OfTerm,
];
type OfTerm = ReturnType<typeof isWord>;
const isAny: OfTerm = () => true;
const isRange = ({ from, to }: { readonly from: number; readonly to: number }) => from !== to;
const isNoDecnetAddress: OfTerm = (term) => {
  if (term.kind !== 'primitive' || term.qualifiers.protocol !== 'decnet' || term.value.kind !== 'ipv4') return false;
  const [area = 0, node = 0, ...more] = term.value.text.split('.').map(Number);
  return more.length > 0 || area > 63 || node > 1023;
};
const inOrder = ({ expression }: Difference, ...kinds: readonly OfTerm[]) =>
  standsInOrder(termsOf(expression), ...kinds);

/** Divisions and shifts whose right side is no single number: libpcap does not see what it is. */
function hiddenOperands({ expression }: Difference, operators: readonly string[]) {
  return termsOf(expression)
    .filter(isRelation)
    .flatMap(calculationsIn)
    .flatMap((one) => (one.kind === 'binary' && operators.includes(one.operator) ? [one.right] : []))
    .filter(({ kind }) => kind !== 'number');
}

/** Found by asking libpcap again, in other words; see `askAgain`. */
const byAsking = () => false;
/** Nothing is left of it when the oracle answers. */
const byRepairing = () => false;

export const WORD_SHARED: KnownDifference = {
  name: 'relation in front of an 802.11 payload',
  reason:
    'libpcap calculates a relation in the word of M[] where it keeps the length of the 802.11 header, when the relation stands first. Terms behind it then read the payload at a wrong place. Ours keeps them apart.',
  example: { expression: '(len < 0) or rarp', form: 'IEEE802_11', packet: '3800000000008035' },
  matches: byAsking,
};

export const BYTE_UNREAD: KnownDifference = {
  name: 'byte with & or |',
  reason:
    'libpcap 1.10.3 leaves out the load: `byte 0 & 1` tests whatever an earlier term left in the accumulator. Ours tests the byte.',
  example: { expression: 'byte 0 & 1', form: 'RAW', packet: '450000140000000000000000000000000000000000' },
  matches: byAsking,
};

export const knownDifferences: readonly KnownDifference[] = [
  {
    name: 'protochain over an authentication header',
    reason:
      'libpcap 1.10.3 (`gen_protochain`) steps over AH by setting X to the header’s length, where it should add the length to X. What stands behind AH and one header more is then read from a place that has nothing to do with it. Ours adds.',
    example: {
      expression: 'ip6 protochain 6',
      form: 'EN10MB',
      packet: `${'00'.repeat(12)}86dd6000000000283340${'ff'.repeat(32)}3c01${'00'.repeat(10)}0600${'00'.repeat(26)}`,
    },
    matches: byRepairing,
    isRepaired: true,
  },
  {
    name: 'portrange with more than two ends',
    reason: 'libpcap reads of `portrange 1-2-3` the 1-2 and ignores the rest. Ours refuses what is no range.',
    example: { expression: 'portrange 1-2-3', form: 'EN10MB' },
    matches: (difference) =>
      isTheirsAlone(difference) && /^FILTER_SYNTAX: unknown port “[^-]+-[^-]+-.+”/.test(difference.ours),
  },
  {
    name: 'names of services in capitals',
    reason:
      'libpcap looks `port HTTP` up as it is written, and finds nothing. Ours takes names from tables in any case, those of services as those of hosts.',
    example: { expression: 'port HTTP', form: 'EN10MB' },
    matches: (difference) => isOursAlone(difference) && /^unknown port '.*[A-Z].*'$/.test(difference.theirs),
  },
  {
    name: 'names of hosts and networks',
    reason:
      'libpcap asks this machine’s resolver for `host localhost` while it compiles, so that an expression means one thing here and another there. Ours knows the names that are given with the request, and refuses others.',
    example: { expression: 'host localhost', form: 'EN10MB' },
    matches: (difference) =>
      isTheirsAlone(difference) && /^FILTER_SYNTAX: unknown (host|network) “/.test(difference.ours),
  },
  {
    name: 'lists and ranges of VLAN ids',
    reason: 'An extension of ours, in a form that libpcap refuses: `vlan 10,20-30`.',
    example: { expression: 'vlan 10,20-30', form: 'EN10MB' },
    matches: (difference) =>
      isOursAlone(difference) &&
      /syntax error$/.test(difference.theirs) &&
      termsOf(difference.expression).some(
        (term) => isVlan(term) && term.kind === 'numbered' && (term.numbers.length > 1 || term.numbers.some(isRange)),
      ),
  },
  BYTE_UNREAD,
  {
    name: 'first number of a divisor or distance',
    reason:
      'libpcap 1.10.3 (`gen_arth`) looks for a divisor of 0 or a distance above 31 in the first instruction of the right side: of `1 / ip[0]` that is the constant index, of `1 << (40 - ip[0])` the 40. It refuses; ours compiles.',
    example: { expression: '286 / ip[0] > 27', form: 'EN10MB' },
    matches: (difference) => {
      if (!isOursAlone(difference)) return false;
      const first = (operators: readonly string[]) => hiddenOperands(difference, operators).map(firstNumber);
      if (difference.theirs === 'shift by more than 31 bits')
        return first(['<<', '>>']).some((number = 0) => number > 31);
      const isZero = /^(division|modulus) by zero$/.test(difference.theirs);
      return isZero && first(['/', '%']).includes(0);
    },
  },
  {
    name: 'constant shift by 32 or more',
    reason:
      'libpcap refuses `1 << 33` but not `1 << (33 + 0)`, whose value then depends on the machine. Ours refuses any constant distance of 32 or more.',
    example: { expression: 'ip[0] >> (30 + 3) = 1', form: 'EN10MB' },
    matches: (difference) =>
      isTheirsAlone(difference) &&
      difference.ours.startsWith('FILTER_SYNTAX: a shift by') &&
      hiddenOperands(difference, ['<<', '>>']).some((one) => (constantOf(one) ?? 0) > 31),
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
      difference.words?.readsCalculation === true &&
      difference.form.live &&
      (inOrder(difference, isRelation, isVlan) || inOrder(difference, isChain, isVlan)),
  },
  {
    name: 'divisor that is always 0',
    reason:
      'libpcap refuses `ip[0] / 0` but compiles `ip[0] / (4 / 5)`, which no packet can match. Ours refuses both, because a constant 0 is never meant.',
    example: { expression: 'ip[0] % (4 / 5) = 1', form: 'EN10MB' },
    matches: (difference) =>
      isTheirsAlone(difference) &&
      difference.ours.startsWith('FILTER_SYNTAX: a division by zero') &&
      hiddenOperands(difference, ['/', '%']).some((one) => constantOf(one) === 0),
  },
  {
    name: 'DECnet address that is none',
    reason:
      'libpcap reads of `decnet host 10.0.0.1` the 10.0 and ignores the rest, and cuts areas above 63 and nodes above 1,023. Ours refuses what is no area and node.',
    example: { expression: 'decnet dst 10.0.0.1', form: 'PPP' },
    matches: (difference) =>
      isTheirsAlone(difference) &&
      difference.ours === 'FILTER_SYNTAX: “decnet host” takes an area and a node' &&
      termsOf(difference.expression).some(isNoDecnetAddress),
  },
  {
    name: 'geneve behind protochain or a relation',
    reason:
      'libpcap reads offsets that only a matching `geneve` stores, also behind `or`. After `protochain` or a relation the same word of M[] holds a number of theirs; elsewhere it is unset (those pairs are excluded).',
    example: {
      expression: 'ip[0] = 1 or geneve or ip',
      form: 'EN10MB',
      packet: 'ff0800ffffff02000000000108004a00004100eb0000400000',
    },
    matches: (difference) =>
      difference.words?.readsCalculation === true &&
      (inOrder(difference, isChain, isGeneve) || inOrder(difference, isRelation, isGeneve)),
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
      difference.words?.readsUnfilled === true && isWireless(difference.form) && inOrder(difference, isGeneve, isAny),
  },
  {
    name: 'padded 802.11 frames, with pppoes or geneve',
    reason:
      'libpcap looks past the padding that radiotap tells of between header and body only if the last link type it met is radiotap, and that becomes PPP behind `pppoes` and Ethernet behind `geneve`. Terms then read padded frames at a wrong place, also those in front. Ours always looks past it.',
    example: {
      expression: 'len > 5 or pppoes and ip',
      form: 'IEEE802_11_RADIO',
      packet: `00000900020000002008${'00'.repeat(40)}0021${'00'.repeat(8)}`,
    },
    matches: ({ form, packet, words, ...difference }) =>
      form.linkType === 'IEEE802_11_RADIO' &&
      packet !== undefined &&
      words?.alignsPayload === false &&
      isBodyPadded(packet) &&
      termsOf(difference.expression).some((term) => isPppoes(term) || isGeneve(term)),
  },
  {
    name: 'more offsets than words of memory',
    reason:
      'libpcap takes two words of M[] for each `geneve` and gives none back, so it refuses expressions with several. Ours shares words between those that are not needed at the same time.',
    example: { expression: 'geneve and geneve || geneve or (geneve and geneve and geneve)', form: 'EN10MB' },
    matches: (difference) =>
      isOursAlone(difference) &&
      difference.theirs === 'too many registers needed to evaluate expression' &&
      inOrder(difference, isGeneve, isGeneve),
  },
  {
    name: 'geneve ends a label stack',
    reason:
      'libpcap goes on counting MPLS labels inside Geneve, and refuses protocols other than IP there. Ours reads the inner Ethernet frame.',
    example: { expression: 'mpls and geneve or arp', form: 'EN10MB' },
    matches: (difference) =>
      isOursAlone(difference) &&
      /^(unsupported protocol over mpls|no VLAN match after MPLS)$/.test(difference.theirs) &&
      inOrder(difference, isMpls, isGeneve),
  },
  {
    name: 'label stack inside geneve',
    reason:
      'As before: behind `mpls` and a `geneve` that is found, libpcap tells IP by the first nibble and by the bit of a last label in front of it. Ours asks the inner frame for its type.',
    example: {
      expression: 'mpls && geneve && icmp[icmpcode] >= 4',
      form: 'EN10MB',
      packet: `${'00'.repeat(12)}88470000010060000000000011${'00'.repeat(35)}17c100000000000000000000010040060000000000000001`,
    },
    matches: (difference) => difference.words?.findsTunnel === true && inOrder(difference, isMpls, isGeneve, isAny),
  },
  {
    name: 'protochain behind headers of variable length',
    reason:
      'libpcap follows a chain with a loop that adds to a fixed offset, and refuses after `geneve`, after `vlan` on a capture, and on 802.11. Ours unrolls the loop, so any offset will do.',
    example: { expression: 'geneve and protochain 6', form: 'EN10MB' },
    matches: (difference) =>
      isOursAlone(difference) &&
      difference.theirs === "'protochain' not supported with variable length headers" &&
      (isWireless(difference.form)
        ? inOrder(difference, isChain)
        : inOrder(difference, isGeneve, isChain) || (difference.form.live && inOrder(difference, isVlan, isChain))),
  },
];

/** The name of the entry that explains the difference. */
export function knownDifference(difference: Difference): string | undefined {
  return knownDifferences.find(({ matches }) => matches(difference))?.name;
}
