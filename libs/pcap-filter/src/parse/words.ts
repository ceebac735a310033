/** Words that can stand in front of a value or alone, as a protocol. */
export const protocolWords: ReadonlySet<string> = new Set(
  `ether ip ip6 arp rarp tcp udp sctp icmp icmp6 igmp igrp pim vrrp carp ah esp radio atalk aarp decnet lat sca moprc mopdl
  iso esis isis l1 l2 iih lsp snp csnp psnp clnp stp ipx netbeui`.split(/\s+/),
);

/** They bind alike. */
export const OPERATORS = ['and', 'or'] as const;

/** Directions of 802.11 frames. */
export const wlanDirections = ['addr1', 'addr2', 'addr3', 'addr4', 'ra', 'ta'] as const;

/** Terms of link types that filters cannot be compiled for, by where they would mean something. */
export const foreignTerms: ReadonlyMap<string, string> = new Map([
  ...'ifname rset rnr srnr reason action'.split(' ').map((word) => [word, 'packet-filter logs (PFLOG)'] as const),
  ...'lane metac bcc oam oamf4 oamf4ec oamf4sc sc ilmic vpi vci connectmsg metaconnect'
    .split(' ')
    .map((word) => [word, 'raw ATM (SUNATM)'] as const),
  ...'fisu lssu msu hfisu hlssu hmsu sio opc dpc sls hsio hopc hdpc hsls'
    .split(' ')
    .map((word) => [word, 'SS7 (MTP2)'] as const),
]);
