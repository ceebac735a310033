import { describe, expect, it } from 'vitest';
import { hardwareOf } from './hardware.js';

describe('hardwareOf', () => {
  it.each<[what: string, arphrd: number, name: string, linkType: string]>([
    ['Ethernet, veth, bridges and bonds have an Ethernet header', 1, 'ETHER', 'EN10MB'],
    ['lo has one too', 772, 'LOOPBACK', 'EN10MB'],
    ['tun and WireGuard begin with IP', 65_534, 'NONE', 'RAW'],
    ['so do tunnels of IP in IP', 768, 'TUNNEL', 'RAW'],
    ['and of IPv6 in IPv4', 776, 'SIT', 'RAW'],
    ['wireless in monitor mode tells of the reception first', 803, 'IEEE80211_RADIOTAP', 'IEEE802_11_RADIO'],
    ['PPP may have a header or none, so it is left out', 512, 'PPP', 'LINUX_SLL2'],
    ['GRE is cooked too', 778, 'IPGRE', 'LINUX_SLL2'],
    ['and what we do not know, by number', 4711, 'ARPHRD 4711', 'LINUX_SLL2'],
  ])('%s', (_, arphrd, name, linkType) => {
    expect(hardwareOf(arphrd)).toEqual({ name, linkType });
  });
});
