/** IANA protocol numbers by the names that filters and tcpdump use. */
export const Protocol = {
  ICMP: 1,
  IGMP: 2,
  TCP: 6,
  UDP: 17,
  IPV6_ROUTING: 43,
  IPV6_FRAGMENT: 44,
  GRE: 47,
  ESP: 50,
  AH: 51,
  ICMP6: 58,
  IPV6_NONE: 59,
  IPV6_OPTIONS: 60,
  SCTP: 132,
  IPV6_HOP_BY_HOP: 0,
} as const;

const names = new Map<number, string>([
  [0, 'hopopt'],
  [1, 'icmp'],
  [2, 'igmp'],
  [4, 'ipip'],
  [6, 'tcp'],
  [17, 'udp'],
  [33, 'dccp'],
  [41, 'ipv6'],
  [43, 'ipv6-route'],
  [44, 'ipv6-frag'],
  [46, 'rsvp'],
  [47, 'gre'],
  [50, 'esp'],
  [51, 'ah'],
  [58, 'icmp6'],
  [59, 'ipv6-nonxt'],
  [60, 'ipv6-opts'],
  [88, 'eigrp'],
  [89, 'ospf'],
  [103, 'pim'],
  [112, 'vrrp'],
  [132, 'sctp'],
  [136, 'udplite'],
]);

/** Name of an IP protocol number; `ip-proto-n`, tcpdump's word, when it has none here. */
export function protocolName(protocol: number): string {
  return names.get(protocol) ?? `ip-proto-${protocol}`;
}
