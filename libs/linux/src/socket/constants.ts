/** Socket families, types and levels: include/linux/socket.h, include/linux/net.h. */
export const AF_UNIX = 1;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;
export const AF_INET = 2;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_SEQPACKET = 5;
export const SOCK_CLOEXEC = 0o2000000;
export const SOCK_NONBLOCK = 0o4000;
export const SOL_SOCKET = 1;
export const SOL_PACKET = 263;

/** Options of level SOL_SOCKET: include/uapi/asm-generic/socket.h. */
export const SO_ERROR = 4;
export const SO_ATTACH_FILTER = 26;
export const SO_DETACH_FILTER = 27;
export const SO_TIMESTAMPNS = 35;
export const SO_ATTACH_BPF = 50;
export const SO_MEMINFO = 55;
/** Same number as SO_ATTACH_FILTER; with `getsockopt` it reads the program, counted in instructions. */
export const SO_GET_FILTER = SO_ATTACH_FILTER;

/** Options of level SOL_PACKET: include/uapi/linux/if_packet.h. */
export const PACKET_RX_RING = 5;
export const PACKET_STATISTICS = 6;
export const PACKET_VERSION = 10;
export const PACKET_QDISC_BYPASS = 20;
export const PACKET_IGNORE_OUTGOING = 23;
/** `enum tpacket_versions`: TPACKET_V3 is the third. */
export const TPACKET_V3 = 2;

/** Every protocol, include/uapi/linux/if_ether.h. */
export const ETH_P_ALL = 0x0003;

/** Length of `struct sockaddr_ll`, include/uapi/linux/if_packet.h. */
export const SOCKADDR_LL_BYTES = 20;

/** `struct sockaddr_ll` that binds to one interface. Protocol 0 sends only; the field is in network order. */
export function linkAddress(interfaceIndex: number, protocol: number): Uint8Array {
  const address = new DataView(new ArrayBuffer(SOCKADDR_LL_BYTES));
  address.setUint16(0, AF_PACKET, true);
  address.setUint16(2, protocol, false);
  address.setInt32(4, interfaceIndex, true);
  return new Uint8Array(address.buffer);
}
