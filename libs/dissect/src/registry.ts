import { EtherType, Protocol as IpProtocol, LinkType } from '@bpfleet/packet';
import type { Protocol, Registry } from './protocol.js';
import { ah } from './protocols/ah.js';
import { arp } from './protocols/arp.js';
import { data } from './protocols/data.js';
import { dns, dnsOverTcp, multicastDns } from './protocols/dns.js';
import { esp } from './protocols/esp.js';
import { ethernet } from './protocols/ethernet.js';
import { http } from './protocols/http.js';
import { icmp } from './protocols/icmp.js';
import { icmpv6 } from './protocols/icmpv6.js';
import { ipv4 } from './protocols/ipv4.js';
import { ipv6 } from './protocols/ipv6.js';
import { extensionProtocols } from './protocols/ipv6-extensions.js';
import { linuxCooked, linuxCooked2 } from './protocols/linux-cooked.js';
import { llc } from './protocols/llc.js';
import { loopback } from './protocols/loopback.js';
import { sctp } from './protocols/sctp.js';
import { tcp } from './protocols/tcp.js';
import { tls } from './protocols/tls.js';
import { udp } from './protocols/udp.js';
import { serviceVlan, vlan } from './protocols/vlan.js';

const IP_IN_IP = 4;
const IPV6_IN_IP = 41;

const etherTypes: [number, Protocol][] = [
  [EtherType.IP, ipv4],
  [EtherType.ARP, arp],
  [EtherType.VLAN, vlan],
  [EtherType.IPV6, ipv6],
  [EtherType.QINQ, serviceVlan],
  [EtherType.QINQ_OLD, vlan],
];

/** Who follows whom: the only place that knows all protocols. */
export const registry: Registry = {
  tables: {
    'link type': new Map<number, Protocol>([
      [LinkType.EN10MB, ethernet],
      [LinkType.LINUX_SLL, linuxCooked],
      [LinkType.LINUX_SLL2, linuxCooked2],
      [LinkType.NULL, loopback],
      [LinkType.LOOP, loopback],
      [LinkType.IPV4, ipv4],
      [LinkType.IPV6, ipv6],
    ]),
    ethertype: new Map(etherTypes),
    'ip version': new Map<number, Protocol>([
      [4, ipv4],
      [6, ipv6],
    ]),
    'ip protocol': new Map<number, Protocol>([
      ...extensionProtocols,
      [IpProtocol.ICMP, icmp],
      [IP_IN_IP, ipv4],
      [IpProtocol.TCP, tcp],
      [IpProtocol.UDP, udp],
      [IPV6_IN_IP, ipv6],
      [IpProtocol.ESP, esp],
      [IpProtocol.AH, ah],
      [IpProtocol.ICMP6, icmpv6],
      [IpProtocol.SCTP, sctp],
    ]),
    'udp port': new Map<number, Protocol>([
      [53, dns],
      [5353, multicastDns],
    ]),
    'tcp port': new Map<number, Protocol>([
      [53, dnsOverTcp],
      [80, http],
      [443, tls],
    ]),
  },
  guesses: { 'udp port': [], 'tcp port': [tls, http] },
  llc,
  data,
};
