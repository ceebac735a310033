/** Names of numbers that several protocols carry. */
export const etherTypes: Readonly<Record<number, string>> = {
  2048: 'IPv4',
  2054: 'ARP',
  32821: 'RARP',
  33024: '802.1Q VLAN',
  34525: 'IPv6',
  34887: 'MPLS',
  34915: 'PPPoE discovery',
  34916: 'PPPoE session',
  34984: '802.1ad service VLAN',
  35020: 'LLDP',
  35045: 'MACsec',
  35063: 'PTP',
  37120: '802.1Q VLAN (old)',
};

/** IANA protocol numbers. */
export const ipProtocols: Readonly<Record<number, string>> = {
  0: 'hop-by-hop options',
  1: 'ICMP',
  2: 'IGMP',
  4: 'IPv4',
  6: 'TCP',
  17: 'UDP',
  33: 'DCCP',
  41: 'IPv6',
  43: 'routing header',
  44: 'fragment header',
  46: 'RSVP',
  47: 'GRE',
  50: 'ESP',
  51: 'AH',
  58: 'ICMPv6',
  59: 'no next header',
  60: 'destination options',
  88: 'EIGRP',
  89: 'OSPF',
  103: 'PIM',
  112: 'VRRP',
  132: 'SCTP',
  136: 'UDP-Lite',
};

/** The six bits before ECN (RFC 2474, 4597, 3246, 8622). */
export const codePoints: Readonly<Record<number, string>> = {
  0: 'default',
  1: 'LE',
  8: 'CS1',
  10: 'AF11',
  12: 'AF12',
  14: 'AF13',
  16: 'CS2',
  18: 'AF21',
  20: 'AF22',
  22: 'AF23',
  24: 'CS3',
  26: 'AF31',
  28: 'AF32',
  30: 'AF33',
  32: 'CS4',
  34: 'AF41',
  36: 'AF42',
  38: 'AF43',
  40: 'CS5',
  44: 'voice admit',
  46: 'EF',
  48: 'CS6',
  56: 'CS7',
};

/** RFC 3168, 5. */
export const congestionMarks: Readonly<Record<number, string>> = {
  0: 'not ECN-capable',
  1: 'ECT(1)',
  2: 'ECT(0)',
  3: 'congestion experienced',
};
