import { ARPHRD_LOOPBACK, hardwareOf, type InterfaceLinkType } from './hardware.js';

/** One network interface of the calling thread's network namespace. */
export interface NetworkInterface {
  readonly name: string;
  /** The number the kernel knows it by. A name can move to another interface, an index is not used again soon. */
  readonly index: number;
  /** ARPHRD_*, and its name: `ETHER`. */
  readonly arphrd: number;
  readonly hardware: string;
  readonly linkType: InterfaceLinkType;
  readonly isLoopback: boolean;
  /** Switched on (IFF_UP), with or without a carrier. */
  readonly up: boolean;
  readonly mtu: number;
}

/** `struct nlmsghdr`, include/uapi/linux/netlink.h. */
const MESSAGE = { length: 0, type: 4, flags: 6, sequence: 8, bytes: 16 } as const;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST = 0x001;
const NLM_F_DUMP_INTR = 0x010;
const NLM_F_DUMP = 0x300;
/** include/uapi/linux/rtnetlink.h */
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
/** `struct ifinfomsg`, include/uapi/linux/rtnetlink.h, from its start. */
const IFINFO = { type: 2, index: 4, flags: 8, bytes: 16 } as const;
const IFF_UP = 0x1;
/** `struct rtattr` and the attributes of a link, include/uapi/linux/if_link.h. */
const ATTRIBUTE = { length: 0, type: 2, bytes: 4 } as const;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_EXT_MASK = 29;
const RTEXT_FILTER_SKIP_STATS = 1 << 3;

const align4 = (length: number) => (length + 3) & ~3;

/** The request for a dump of all links, without their counters. */
export function linkDumpRequest(sequence: number): Uint8Array {
  const length = MESSAGE.bytes + IFINFO.bytes + ATTRIBUTE.bytes + 4;
  const view = new DataView(new ArrayBuffer(length));
  view.setUint32(MESSAGE.length, length, true);
  view.setUint16(MESSAGE.type, RTM_GETLINK, true);
  view.setUint16(MESSAGE.flags, NLM_F_REQUEST | NLM_F_DUMP, true);
  view.setUint32(MESSAGE.sequence, sequence, true);
  const attribute = MESSAGE.bytes + IFINFO.bytes;
  view.setUint16(attribute + ATTRIBUTE.length, ATTRIBUTE.bytes + 4, true);
  view.setUint16(attribute + ATTRIBUTE.type, IFLA_EXT_MASK, true);
  view.setUint32(attribute + ATTRIBUTE.bytes, RTEXT_FILTER_SKIP_STATS, true);
  return new Uint8Array(view.buffer);
}

/** What the datagrams of one dump have told so far. */
export interface LinkDump {
  readonly links: NetworkInterface[];
  /** The last message was seen. */
  isDone: boolean;
  /** Links changed meanwhile (NLM_F_DUMP_INTR): some may be missing or twice. */
  isInterrupted: boolean;
  /** The kernel refused with this errno. */
  error: number | undefined;
}

export const emptyDump = (): LinkDump => ({ links: [], isDone: false, isInterrupted: false, error: undefined });

/** Reads one datagram of the answer into `dump`. */
export function readLinkMessages(bytes: Uint8Array, dump: LinkDump): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + MESSAGE.bytes <= bytes.length; ) {
    const length = view.getUint32(at + MESSAGE.length, true);
    if (length < MESSAGE.bytes || at + length > bytes.length) return;
    const type = view.getUint16(at + MESSAGE.type, true);
    if ((view.getUint16(at + MESSAGE.flags, true) & NLM_F_DUMP_INTR) !== 0) dump.isInterrupted = true;
    if (type === NLMSG_ERROR) dump.error = -view.getInt32(at + MESSAGE.bytes, true);
    if (type === NLMSG_DONE) dump.isDone = true;
    if (type === RTM_NEWLINK) dump.links.push(readLink(view, at + MESSAGE.bytes, at + length));
    at += align4(length);
  }
}

function readLink(view: DataView, start: number, end: number): NetworkInterface {
  const arphrd = view.getUint16(start + IFINFO.type, true);
  const { name: hardware, linkType } = hardwareOf(arphrd);
  let name = '';
  let mtu = 0;
  for (let at = start + IFINFO.bytes; at + ATTRIBUTE.bytes <= end; ) {
    const length = view.getUint16(at + ATTRIBUTE.length, true);
    if (length < ATTRIBUTE.bytes || at + length > end) break;
    const type = view.getUint16(at + ATTRIBUTE.type, true);
    if (type === IFLA_IFNAME) name = readName(view, at + ATTRIBUTE.bytes, at + length);
    if (type === IFLA_MTU) mtu = view.getUint32(at + ATTRIBUTE.bytes, true);
    at += align4(length);
  }
  return {
    name,
    index: view.getInt32(start + IFINFO.index, true),
    arphrd,
    hardware,
    linkType,
    isLoopback: arphrd === ARPHRD_LOOPBACK,
    up: (view.getUint32(start + IFINFO.flags, true) & IFF_UP) !== 0,
    mtu,
  };
}

/** The kernel allows any byte but `/`, space and colon in a name; it ends with a zero. */
function readName(view: DataView, start: number, end: number): string {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + start, end - start);
  const zero = bytes.indexOf(0);
  return new TextDecoder().decode(zero < 0 ? bytes : bytes.subarray(0, zero));
}
