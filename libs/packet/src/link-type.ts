/**
 * Link types by libpcap's DLT name (`pcap_datalink_val_to_name`); numbers are LINKTYPE_ values as files carry them
 * (tcpdump.org, link-layer header types). They differ from a host's DLT numbers for RAW and LOOP only.
 */
export const LinkType = {
  NULL: 0,
  EN10MB: 1,
  SLIP: 8,
  PPP: 9,
  FDDI: 10,
  RAW: 101,
  C_HDLC: 104,
  IEEE802_11: 105,
  FRELAY: 107,
  LOOP: 108,
  LINUX_SLL: 113,
  IEEE802_11_RADIO: 127,
  CAN_SOCKETCAN: 227,
  IPV4: 228,
  IPV6: 229,
  NETLINK: 253,
  LINUX_SLL2: 276,
} as const;
export type LinkTypeName = keyof typeof LinkType;

const names = new Map<number, LinkTypeName>(
  Object.entries(LinkType).map(([name, number]) => [number, name as LinkTypeName]),
);

/** libpcap's name of a LINKTYPE_ number; `LINKTYPE_n` when this table does not know it. */
export function linkTypeName(linkType: number): string {
  return names.get(linkType) ?? `LINKTYPE_${linkType}`;
}

/** The number of a link type's name in any case, as `-y` of tcpdump takes it; undefined when unknown. */
export function linkTypeNumber(name: string): number | undefined {
  return Object.entries(LinkType).find(([known]) => known === name.toUpperCase())?.[1];
}
