/** IEEE EtherTypes that are taken apart. */
export const EtherType = {
  IP: 0x0800,
  ARP: 0x0806,
  VLAN: 0x8100,
  IPV6: 0x86dd,
  QINQ: 0x88a8,
  /** Stacked tags before 802.1ad; the kernel does not strip these. */
  QINQ_OLD: 0x9100,
} as const;

export const isVlanTag = (etherType: number): boolean =>
  etherType === EtherType.VLAN || etherType === EtherType.QINQ || etherType === EtherType.QINQ_OLD;
