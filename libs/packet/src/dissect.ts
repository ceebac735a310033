import type { Dissection } from './dissection.js';
import { EtherType, isVlanTag } from './ether-type.js';
import { LinkType } from './link-type.js';
import { dissectArp, dissectIp, dissectIp6 } from './network-layer.js';
import { u16, u32 } from './read-bytes.js';

/**
 * Finds the headers of the packet at `bytes[start]`, of which `capturedLength` bytes are there. Never throws, whatever
 * the bytes are, and allocates nothing: a field that is missing or cut off stays -1.
 * @param linkType LINKTYPE_ number; EN10MB, LINUX_SLL, LINUX_SLL2, RAW, IPV4, IPV6, NULL and LOOP are taken apart
 */
export function dissect(
  bytes: Uint8Array,
  start: number,
  capturedLength: number,
  linkType: number,
  into: Dissection,
): void {
  into.reset(linkType, start, Math.min(start + capturedLength, bytes.length));
  switch (linkType) {
    case LinkType.EN10MB:
      dissectEthernet(bytes, start, into);
      return;
    case LinkType.LINUX_SLL:
      if (into.has(start, 16)) dissectEtherType(bytes, start + 16, u16(bytes, start + 14), into);
      return;
    case LinkType.LINUX_SLL2:
      if (into.has(start, 20)) dissectEtherType(bytes, start + 20, u16(bytes, start), into);
      return;
    case LinkType.RAW:
    case LinkType.IPV4:
    case LinkType.IPV6:
      dissectByVersion(bytes, start, into);
      return;
    case LinkType.NULL:
    case LinkType.LOOP:
      if (into.has(start, 4)) dissectFamily(bytes, start, into);
      return;
    default:
      return;
  }
}

function dissectEthernet(bytes: Uint8Array, start: number, into: Dissection): void {
  if (!into.has(start, 12)) return;
  into.linkDestinationOffset = start;
  into.linkSourceOffset = start + 6;
  if (into.has(start, 14)) dissectEtherType(bytes, start + 14, u16(bytes, start + 12), into);
}

/** @param at offset behind the EtherType, where a tag's TCI or the network header is */
function dissectEtherType(bytes: Uint8Array, at: number, etherType: number, into: Dissection): void {
  while (isVlanTag(etherType)) {
    into.etherType = etherType;
    if (!into.has(at, 4)) return;
    // The upper four bits of the TCI are priority and drop eligibility (802.1Q, 9.6).
    const id = u16(bytes, at) & 0xfff;
    if (into.vlanId < 0) into.vlanId = id;
    else if (into.innerVlanId < 0) into.innerVlanId = id;
    etherType = u16(bytes, at + 2);
    at += 4;
  }
  into.etherType = etherType;
  into.payloadOffset = at;
  if (etherType === EtherType.IP) dissectIp(bytes, at, into);
  else if (etherType === EtherType.IPV6) dissectIp6(bytes, at, into);
  else if (etherType === EtherType.ARP) dissectArp(bytes, at, into);
  else {
    into.network = 'other';
    into.networkOffset = at;
  }
}

function dissectByVersion(bytes: Uint8Array, at: number, into: Dissection): void {
  if (!into.has(at, 1)) return;
  const version = bytes[at]! >> 4;
  if (version === 4) dissectIp(bytes, at, into);
  else if (version === 6) dissectIp6(bytes, at, into);
  else {
    into.network = 'other';
    into.networkOffset = at;
  }
}

/** NULL has the address family in the byte order of the machine that captured, LOOP in network order. */
function dissectFamily(bytes: Uint8Array, at: number, into: Dissection): void {
  const family = u32(bytes, at);
  switch (family > 0xffff ? family >>> 24 : family) {
    case 2:
      dissectIp(bytes, at + 4, into);
      return;
    // AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, Darwin.
    case 10:
    case 24:
    case 28:
    case 30:
      dissectIp6(bytes, at + 4, into);
      return;
    default:
      into.network = 'other';
      into.networkOffset = at + 4;
  }
}
