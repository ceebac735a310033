/**
 * How the packets of an interface begin, by pcap's name. `LINUX_SLL2`: the kernel leaves their link-layer header out
 * (SOCK_DGRAM) and tells what was in it, for the cooked header that user space puts in front.
 */
export type InterfaceLinkType = 'EN10MB' | 'RAW' | 'IEEE802_11_RADIO' | 'LINUX_SLL2';

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
  // Monitor mode: what the driver knows of the reception, then the frame as it was in the air.
  [803, { name: 'IEEE80211_RADIOTAP', linkType: 'IEEE802_11_RADIO' }],
  // pppN has no PPP header (`ppp_receive_nonmp_frame` cuts it off), hdlcN has one: as libpcap, take neither at its word.
  [512, { name: 'PPP', linkType: 'LINUX_SLL2' }],
  // The rest is cooked, under its name where it is one that hosts have.
  [24, { name: 'IEEE1394', linkType: 'LINUX_SLL2' }],
  [32, { name: 'INFINIBAND', linkType: 'LINUX_SLL2' }],
  [256, { name: 'SLIP', linkType: 'LINUX_SLL2' }],
  [257, { name: 'CSLIP', linkType: 'LINUX_SLL2' }],
  [280, { name: 'CAN', linkType: 'LINUX_SLL2' }],
  [290, { name: 'MCTP', linkType: 'LINUX_SLL2' }],
  [513, { name: 'HDLC', linkType: 'LINUX_SLL2' }],
  [518, { name: 'RAWHDLC', linkType: 'LINUX_SLL2' }],
  [778, { name: 'IPGRE', linkType: 'LINUX_SLL2' }],
  [779, { name: 'PIMREG', linkType: 'LINUX_SLL2' }],
  [801, { name: 'IEEE80211', linkType: 'LINUX_SLL2' }],
  [802, { name: 'IEEE80211_PRISM', linkType: 'LINUX_SLL2' }],
  [804, { name: 'IEEE802154', linkType: 'LINUX_SLL2' }],
  [805, { name: 'IEEE802154_MONITOR', linkType: 'LINUX_SLL2' }],
  [820, { name: 'PHONET', linkType: 'LINUX_SLL2' }],
  [823, { name: 'IP6GRE', linkType: 'LINUX_SLL2' }],
  [824, { name: 'NETLINK', linkType: 'LINUX_SLL2' }],
  [825, { name: '6LOWPAN', linkType: 'LINUX_SLL2' }],
  [826, { name: 'VSOCKMON', linkType: 'LINUX_SLL2' }],
  [65_535, { name: 'VOID', linkType: 'LINUX_SLL2' }],
]);

/** Name and link type of an ARPHRD number; one without a row here is cooked and named by its number. */
export function hardwareOf(arphrd: number): Hardware {
  return hardware.get(arphrd) ?? { name: `ARPHRD ${arphrd}`, linkType: 'LINUX_SLL2' };
}
