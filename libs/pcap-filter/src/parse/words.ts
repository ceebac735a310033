/** Words that can stand in front of a value or alone, as a protocol; on Ethernet these mean something. */
export const supportedProtocols: ReadonlySet<string> = new Set(
  'ether ip ip6 arp rarp tcp udp sctp icmp icmp6 igmp igrp pim vrrp carp ah esp'.split(' '),
);

/** Protocol words of the language that this compiler does not know yet. */
export const unsupportedProtocols: ReadonlySet<string> = new Set(
  'radio atalk aarp decnet lat sca moprc mopdl iso esis isis l1 l2 iih lsp snp csnp psnp clnp stp ipx netbeui'.split(
    ' ',
  ),
);

/** Directions of 802.11 frames. */
export const wlanDirections = ['addr1', 'addr2', 'addr3', 'addr4', 'ra', 'ta'] as const;

/** Words that begin a term this compiler does not know yet. */
export const unsupportedTerms: ReadonlySet<string> = new Set(
  `protochain gateway type subtype direction byte broadcast multicast len inbound outbound ifindex vlan mpls pppoed pppoes
  geneve vxlan llc ifname rset rnr srnr reason action lane metac bcc oam oamf4 oamf4ec oamf4sc sc ilmic vpi vci connectmsg
  metaconnect fisu lssu msu hfisu hlssu hmsu sio opc dpc sls hsio hopc hdpc hsls`.split(/\s+/),
);

/** Operators of arithmetic and comparison: `len > 100`, `tcp[13] & 2 != 0`. */
export const relationOperators: ReadonlySet<string> = new Set('+ - * / % & | ^ << >> < > <= >= = == != ['.split(' '));
