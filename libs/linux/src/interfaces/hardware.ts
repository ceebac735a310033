/** How the bytes of an interface begin, by pcap's name. `unsupported`: bpfleet does not capture there. */
export type InterfaceLinkType = 'EN10MB' | 'RAW' | 'unsupported';

interface Hardware {
  readonly name: string;
  readonly linkType: InterfaceLinkType;
}

export const ARPHRD_LOOPBACK = 772;

/** ARPHRD_* of include/uapi/linux/if_arp.h: the kernel's word for the header an interface puts in front. */
const hardware: ReadonlyMap<number, Hardware> = new Map([
  [1, { name: 'ETHER', linkType: 'EN10MB' }],
  // `lo` has an Ethernet header, with zeroed addresses.
  [ARPHRD_LOOPBACK, { name: 'LOOPBACK', linkType: 'EN10MB' }],
  // No header at all, the bytes begin with IP: tun, WireGuard, raw IP modems, IP in IP tunnels.
  [65_534, { name: 'NONE', linkType: 'RAW' }],
  [519, { name: 'RAWIP', linkType: 'RAW' }],
  [768, { name: 'TUNNEL', linkType: 'RAW' }],
  [769, { name: 'TUNNEL6', linkType: 'RAW' }],
  [776, { name: 'SIT', linkType: 'RAW' }],
  [32, { name: 'INFINIBAND', linkType: 'unsupported' }],
  [280, { name: 'CAN', linkType: 'unsupported' }],
  [512, { name: 'PPP', linkType: 'unsupported' }],
  [778, { name: 'IPGRE', linkType: 'unsupported' }],
  [801, { name: 'IEEE80211', linkType: 'unsupported' }],
  [803, { name: 'IEEE80211_RADIOTAP', linkType: 'unsupported' }],
  [804, { name: 'IEEE802154', linkType: 'unsupported' }],
  [823, { name: 'IP6GRE', linkType: 'unsupported' }],
  [824, { name: 'NETLINK', linkType: 'unsupported' }],
  [826, { name: 'VSOCKMON', linkType: 'unsupported' }],
]);

/** Name and link type of an ARPHRD number; one without a row here is unsupported and named by its number. */
export function hardwareOf(arphrd: number): Hardware {
  return hardware.get(arphrd) ?? { name: `ARPHRD ${arphrd}`, linkType: 'unsupported' };
}
