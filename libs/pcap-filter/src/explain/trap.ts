import type { Span } from '@bpfleet/errors';

/** Something about an expression that surprises people. */
export interface Trap {
  readonly id: TrapId;
  readonly message: string;
  /** What to write instead, where there is something. */
  readonly hint?: string;
  readonly span?: Span;
}

/** What each trap says. The ids are stable: people switch them off by name. */
export const TRAPS = {
  PRECEDENCE_MIXED: '“and” and “or” bind alike, from left to right',
  NOT_BINDS_ONE: '“not” denies the first value only; the others of the list must match',
  LIST_TAKES_OVER: 'a bare value takes over all qualifiers in front of it, the direction too',
  SRC_AND_DST: '“src and dst” asks for the same value on both sides of one packet',
  PORT_FIRST_FRAGMENT:
    'of a fragmented IPv4 packet only the first fragment has ports; later ones are not found, and match under “not”',
  IPV6_EXTENSION_HEADERS:
    'behind IPv6 extension headers ports and protocols are not found; such packets match under “not”',
  VLAN_TAGS_HIDE: 'in frames whose VLAN tag stands in the bytes this is not found; they match under “not”',
  ENCAPSULATION_LEAKS: 'everything to the right is looked for behind it, also in the other branch of “or”',
  VLAN_OR_VLAN: 'the second “vlan” looks for a second tag, behind the first',
  MPLS_OR_MPLS: 'the second “mpls” looks for a second label, behind the first',
  HOST_INCLUDES_ARP: 'ARP and RARP packets about the address count as the host’s',
  NET_OF_NUMBER: 'a single number is the first byte of a network: “net 10” is 10.0.0.0/8',
  NET_OF_ADDRESS: 'an address of all its parts is one host, also with zeros at its end; a prefix makes it a network',
  HOST_OF_NUMBER: 'a single number is a whole address: “host 10” is 0.0.0.10',
  HOST_OF_NETWORK: 'two or three parts of an address are a network, not a host',
  LENGTH_INCLUSIVE: '“less” and “greater” include the number itself',
  LENGTH_OF_OFFLOADS:
    'in a live capture a packet can be longer than the link allows: the kernel joins packets before it filters',
  PORTRANGE_TURNED: 'the range is written from high to low; it is read the other way round',
  SERVICE_OF_ONE_PROTOCOL: 'the service is known for one transport protocol only; the number would match all',
  ICMP_IS_IPV4: '“icmp” is IPv4’s; IPv6 has “icmp6”',
  BYTES_OF_IPV4_ONLY: 'bytes of a transport header are read over IPv4 only, in first fragments',
  BYTES_OF_FIRST_HEADER: 'ICMPv6 is looked for right behind the IPv6 header only, not behind extension headers',
  HEADER_LENGTH_UNMASKED: 'the low four bits of this byte are not the header’s length; mask them out first',
  GUARD_FORGOTTEN:
    'libpcap does not check the protocol of a calculation’s right operand, so this reads in other packets as well',
  NEGATIVE_IS_LARGE: 'all numbers are unsigned: a negative one is very large',
  OPERATOR_READS_ON: '“%” and “^” take everything to their right as one operand',
  OCTAL_NUMBER: 'a number with a leading 0 is octal',
  TWELVE_DIGITS: 'twelve hexadecimal digits are a MAC address',
  LLC_NUMBER: 'a protocol up to 1,500 is an LLC service access point, not an EtherType',
  MULTICAST_HAS_BROADCAST: 'the broadcast address is a multicast address too',
  ALWAYS_MATCHES: 'every packet matches this, except those too short to be asked',
  PART_NEVER_MATCHES: 'no packet matches this part',
  BROADCAST_OF_NETMASK: '“ip broadcast” knows only the broadcast addresses of the given netmask',
} as const;
export type TrapId = keyof typeof TRAPS;
export const trapIds = Object.keys(TRAPS) as readonly TrapId[];

/** Writes a trap down, if it is not yet. */
export type Note = (id: TrapId, span?: Span, hint?: string) => void;
