/**
 * Every reserved word of pcap-filter(7), by the spelling that all its aliases stand for. A word the compiler does not
 * support yet is still reserved: it is refused as unsupported, never taken for a host's name.
 */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  ether: ['link', 'slip', 'ppp', 'fddi', 'tr', 'wlan'],
  esis: ['es-is'],
  isis: ['is-is'],
  direction: ['dir'],
  addr1: ['address1'],
  addr2: ['address2'],
  addr3: ['address3'],
  addr4: ['address4'],
  len: ['length'],
  ifname: ['on'],
  rset: ['ruleset'],
  rnr: ['rulenum'],
  srnr: ['subrulenum'],
  lssu: ['lsu'],
  hlssu: ['hlsu'],
};

const WORDS = `
  and or not
  src dst host net mask port portrange proto protochain gateway
  ether arp rarp ip sctp tcp udp icmp igmp igrp pim vrrp carp radio ip6 icmp6 ah esp
  atalk aarp decnet lat sca moprc mopdl iso esis isis l1 l2 iih lsp snp csnp psnp clnp stp ipx netbeui
  type subtype direction addr1 addr2 addr3 addr4 ra ta less greater byte broadcast multicast len
  inbound outbound ifindex vlan mpls pppoed pppoes geneve vxlan llc
  ifname rset rnr srnr reason action
  lane metac bcc oam oamf4 oamf4ec oamf4sc sc ilmic vpi vci connectmsg metaconnect
  fisu lssu msu hfisu hlssu hmsu sio opc dpc sls hsio hopc hdpc hsls
`;

/** From each spelling to the word it stands for. */
export const keywords: ReadonlyMap<string, string> = new Map([
  ...WORDS.trim()
    .split(/\s+/)
    .map((word) => [word, word] as const),
  ...Object.entries(ALIASES).flatMap(([word, aliases]) => aliases.map((alias) => [alias, word] as const)),
]);

const numbered = (first: number, words: string) =>
  words
    .trim()
    .split(/\s+/)
    .map((word, index) => [word, first + index] as const);

/**
 * Words that stand for a number: places in a header (`tcp[tcpflags]`) and values found there (`icmp-echo`), from
 * RFC 792, RFC 4443 and its followers, RFC 9293.
 */
export const namedNumbers: ReadonlyMap<string, number> = new Map([
  ...numbered(0, 'icmptype icmpcode'),
  ...numbered(0, 'icmp6type icmp6code'),
  ...numbered(0, 'icmp-echoreply'),
  ...numbered(3, 'icmp-unreach icmp-sourcequench icmp-redirect'),
  ...numbered(8, 'icmp-echo icmp-routeradvert icmp-routersolicit icmp-timxceed icmp-paramprob icmp-tstamp'),
  ...numbered(14, 'icmp-tstampreply icmp-ireq icmp-ireqreply icmp-maskreq icmp-maskreply'),
  ...numbered(1, 'icmp6-destinationunreach icmp6-packettoobig icmp6-timeexceeded icmp6-parameterproblem'),
  // As libpcap spells it, too.
  ...numbered(1, 'icmp6-destinationrunreach'),
  ...numbered(128, 'icmp6-echo icmp6-echoreply icmp6-multicastlistenerquery icmp6-multicastlistenerreportv1'),
  ...numbered(132, 'icmp6-multicastlistenerdone icmp6-routersolicit icmp6-routeradvert icmp6-neighborsolicit'),
  ...numbered(136, 'icmp6-neighboradvert icmp6-redirect icmp6-routerrenum icmp6-nodeinformationquery'),
  ...numbered(140, 'icmp6-nodeinformationresponse icmp6-ineighbordiscoverysolicit icmp6-ineighbordiscoveryadvert'),
  ...numbered(143, 'icmp6-multicastlistenerreportv2 icmp6-homeagentdiscoveryrequest icmp6-homeagentdiscoveryreply'),
  ...numbered(146, 'icmp6-mobileprefixsolicit icmp6-mobileprefixadvert icmp6-certpathsolicit icmp6-certpathadvert'),
  ...numbered(151, 'icmp6-multicastrouteradvert icmp6-multicastroutersolicit icmp6-multicastroutertermination'),
  ...numbered(13, 'tcpflags'),
  ...['tcp-fin', 'tcp-syn', 'tcp-rst', 'tcp-push', 'tcp-ack', 'tcp-urg', 'tcp-ece', 'tcp-cwr'].map(
    (word, bit) => [word, 1 << bit] as const,
  ),
]);
