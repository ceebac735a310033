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
  icmptype icmpcode icmp-echoreply icmp-unreach icmp-sourcequench icmp-redirect icmp-echo icmp-routeradvert
  icmp-routersolicit icmp-timxceed icmp-paramprob icmp-tstamp icmp-tstampreply icmp-ireq icmp-ireqreply icmp-maskreq
  icmp-maskreply
  icmp6type icmp6code icmp6-destinationrunreach icmp6-packettoobig icmp6-timeexceeded icmp6-parameterproblem icmp6-echo
  icmp6-echoreply icmp6-multicastlistenerquery icmp6-multicastlistenerreportv1 icmp6-multicastlistenerdone
  icmp6-routersolicit icmp6-routeradvert icmp6-neighborsolicit icmp6-neighboradvert icmp6-redirect icmp6-routerrenum
  icmp6-nodeinformationquery icmp6-nodeinformationresponse icmp6-ineighbordiscoverysolicit
  icmp6-ineighbordiscoveryadvert icmp6-multicastlistenerreportv2 icmp6-homeagentdiscoveryrequest
  icmp6-homeagentdiscoveryreply icmp6-mobileprefixsolicit icmp6-mobileprefixadvert icmp6-certpathsolicit
  icmp6-certpathadvert icmp6-multicastrouteradvert icmp6-multicastroutersolicit icmp6-multicastroutertermination
  tcpflags tcp-fin tcp-syn tcp-rst tcp-push tcp-ack tcp-urg tcp-ece tcp-cwr
`;

/** From each spelling to the word it stands for. */
export const keywords: ReadonlyMap<string, string> = new Map([
  ...WORDS.trim()
    .split(/\s+/)
    .map((word) => [word, word] as const),
  ...Object.entries(ALIASES).flatMap(([word, aliases]) => aliases.map((alias) => [alias, word] as const)),
]);
