// Builders, for tests, fixtures and the capture that the demo replays.
export { type ArpFields, buildArp } from './build/arp.js';
export { concatenate, type Payload } from './build/bytes.js';
export { type Endpoints, internetChecksum } from './build/checksum.js';
export { buildEthernet, type EthernetFields, type EthernetTag } from './build/ethernet.js';
export {
  buildIpv4,
  buildIpv4Fragments,
  buildIpv6,
  buildIpv6Fragments,
  type Ipv4Fields,
  type Ipv6Extension,
  type Ipv6Fields,
} from './build/ip.js';
export {
  buildIcmp,
  buildIcmpv6,
  buildTcp,
  buildUdp,
  echoWord,
  type IcmpFields,
  type TcpFields,
  TcpFlag,
  type TcpOptions,
  type UdpFields,
} from './build/transport.js';
export { dissect } from './dissect.js';
export { Dissection, type Network, type Transport } from './dissection.js';
export { EtherType, isVlanTag } from './ether-type.js';
export { flowKeyOf } from './flow-key.js';
export { formatAddress, formatIpv4, formatIpv6, formatMac } from './format-address.js';
export { LinkType, type LinkTypeName, linkTypeName, linkTypeNumber } from './link-type.js';
export { parseAddress, parseIpv4, parseIpv6, parseMac } from './parse-address.js';
export { Protocol, protocolName } from './protocol.js';
export { summarize } from './summarize.js';
