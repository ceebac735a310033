import { EtherType, isVlanTag, LinkType, Protocol } from '@bpfleet/packet';
import { AddressTokens } from './address-tokens.js';
import { type LayerSet, layerOf } from './layers.js';
import { PacketFields } from './packet-fields.js';
import type { PacketPlace } from './packet-place.js';
import { TokenKind } from './token-hash.js';
import type { TokenSet } from './token-set.js';

/** Types beside those of `EtherType` that say what follows (IANA; RFC 3032, RFC 2516, RFC 7042). */
const RARP = 0x8035;
const MPLS = 0x8847;
const PPPOE_SESSION = 0x8864;
const BRIDGED = 0x6558;
/** Numbers in the type's place up to here are lengths (IEEE 802.3), which no prefilter asks for. */
const LARGEST_LENGTH = 1500;
const PPP = { ip: 0x21, ip6: 0x57, mpls: 0x281 } as const;
/** `AF_INET`, and `AF_INET6` of Linux, NetBSD and OpenBSD, FreeBSD, Darwin. */
const FAMILY = { ip: 2, ip6: [10, 24, 28, 30] } as const;
const UDP_BYTES = 8;
/** RFC 8200, 4.5. */
const FRAGMENT_BYTES = 8;
const PORT_OF = { geneve: 6081, vxlan: 4789 } as const;
/** In place of a type: no header follows. */
const NOTHING = -1;

/**
 * Finds the tokens of one packet after the other, as the language reads packets: see `PrefilterToken` for what an index
 * must hold. A field that lies outside the packet has none: whatever reads it does not match. One that was cut off makes
 * the walk opaque. In place, from header to header without recursion, and nothing is allocated.
 */
export class PacketWalk {
  readonly #fields = new PacketFields();
  readonly #addresses: AddressTokens;
  /** Of a link type that nothing is known of. */
  #isUnknown = false;
  /** The header that comes next, and where it starts. */
  #type = NOTHING;
  #at = 0;

  constructor(
    private readonly tokens: TokenSet,
    private readonly layers: LayerSet,
  ) {
    this.#addresses = new AddressTokens(this.#fields, tokens);
  }

  /** Whether a field that has tokens was cut off, or nothing is known of a packet's link type. */
  get isOpaque(): boolean {
    return this.#isUnknown || this.#fields.isCutOff;
  }

  clear(): void {
    this.#isUnknown = false;
    this.#fields.isCutOff = false;
  }

  /** @param isTagPutBack see `SectionIndexer.add` */
  packet(bytes: Uint8Array, place: PacketPlace, linkType: number, isTagPutBack: boolean): void {
    const { start } = place;
    this.#fields.place(bytes, place);
    this.#type = NOTHING;
    if (isTagPutBack && linkType === LinkType.EN10MB) this.#taggedBesideBytes(start);
    else this.#link(linkType, start);
    while (this.#type !== NOTHING) this.#next();
  }

  #link(linkType: number, start: number): void {
    switch (linkType) {
      case LinkType.EN10MB:
        this.#ethernet(start);
        break;
      case LinkType.LINUX_SLL:
        this.#carry(this.#fields.u16(start + 14), start + 16);
        break;
      case LinkType.LINUX_SLL2:
        this.#carry(this.#fields.u16(start), start + 20);
        break;
      case LinkType.RAW:
        this.#byVersion(start);
        break;
      case LinkType.IPV4:
        this.#carry(EtherType.IP, start);
        break;
      case LinkType.IPV6:
        this.#carry(EtherType.IPV6, start);
        break;
      case LinkType.NULL:
      case LinkType.LOOP:
        this.#byFamily(start);
        break;
      case LinkType.PPP:
        this.#ppp(start + 2);
        break;
      case LinkType.IEEE802_11:
        this.#wireless(start, false, start);
        break;
      case LinkType.IEEE802_11_RADIO:
        this.#radiotap(start);
        break;
      default:
        // A query cannot decide such a packet, so it must see it.
        this.#isUnknown = true;
    }
  }

  /** What stands at `#at`; leaves what follows it there, or nothing. */
  #next(): void {
    const type = this.#type;
    const at = this.#at;
    this.#type = NOTHING;
    switch (type) {
      case EtherType.IP:
        this.#ipv4(at);
        break;
      case EtherType.IPV6:
        this.#ipv6(at);
        break;
      case EtherType.ARP:
      case RARP:
        this.#addresses.ipv4(at + 14);
        this.#addresses.ipv4(at + 24);
        break;
      case MPLS:
        this.#mpls(at);
        break;
      case PPPOE_SESSION:
        this.#ppp(at + 6);
        break;
      default:
        if (isVlanTag(type)) this.#tag(at);
    }
  }

  #carry(type: number, at: number): void {
    if (!this.#isNamed(type)) return;
    this.#type = type;
    this.#at = at;
  }

  #isNamed(type: number): boolean {
    if (type <= LARGEST_LENGTH) return false;
    this.layers.add(layerOf.etherType(type));
    return true;
  }

  #ethernet(at: number): void {
    this.#addresses.mac(at);
    this.#addresses.mac(at + 6);
    this.#carry(this.#fields.u16(at + 12), at + 14);
  }

  /** The language sees the tag as metadata, whatever its protocol, and the bytes without it. */
  #taggedBesideBytes(start: number): void {
    // Cut inside the tag: what the kernel saw is not known.
    if (!this.#fields.has(start + 16)) {
      this.#fields.isCutOff = true;
      return;
    }
    this.#addresses.mac(start);
    this.#addresses.mac(start + 6);
    this.#isNamed(this.#fields.u16(start + 12));
    this.#isNamed(EtherType.VLAN);
    this.#tag(start + 14);
  }

  #tag(at: number): void {
    const control = this.#fields.u16(at);
    if (control >= 0) this.tokens.add(TokenKind.vlan, control & 0xfff);
    this.#carry(this.#fields.u16(at + 2), at + 4);
  }

  /** Behind the label at the bottom of the stack the first nibble is taken for IP's version. */
  #mpls(label: number): void {
    let at = label;
    for (;;) {
      const bottom = this.#fields.u8(at + 2);
      if (bottom < 0) return;
      at += 4;
      if ((bottom & 1) === 1) break;
    }
    this.#byVersion(at);
  }

  #byVersion(at: number): void {
    const version = this.#fields.u8(at) >> 4;
    if (version === 4) this.#carry(EtherType.IP, at);
    else if (version === 6) this.#carry(EtherType.IPV6, at);
  }

  #ppp(at: number): void {
    const protocol = this.#fields.u16(at);
    if (protocol === PPP.ip) this.#carry(EtherType.IP, at + 2);
    else if (protocol === PPP.ip6) this.#carry(EtherType.IPV6, at + 2);
    else if (protocol === PPP.mpls) this.#carry(MPLS, at + 2);
    else this.#carry(protocol, at + 2);
  }

  /** The address family, in the order of the machine that captured. */
  #byFamily(start: number): void {
    const word = this.#fields.u32(start);
    if (word === undefined) return;
    const family = word >>> 0 > 0xffff ? word >>> 24 : word;
    if (family === FAMILY.ip) this.#carry(EtherType.IP, start + 4);
    else if ((FAMILY.ip6 as readonly number[]).includes(family)) this.#carry(EtherType.IPV6, start + 4);
  }

  /** Its length stands in bytes 2 and 3, little-endian. */
  #radiotap(start: number): void {
    const low = this.#fields.u8(start + 2);
    const high = this.#fields.u8(start + 3);
    if (low >= 0 && high >= 0) this.#wireless(start + low + 256 * high, true, start);
  }

  /** IEEE 802.11: four places of addresses, whatever the frame's type; data frames carry LLC and SNAP. */
  #wireless(header: number, hasRadio: boolean, start: number): void {
    for (let at = header + 4; at <= header + 16; at += 6) this.#addresses.mac(at);
    this.#addresses.mac(header + 24);
    const control = this.#fields.u8(header);
    if (control < 0 || (control & 0x0c) !== 0x08) return;
    let end = header + 24 + (control & 0x80 ? 2 : 0);
    // A multiple of four bytes from the packet's start, as the language counts.
    if (hasRadio && this.#isPadded(start)) end = start + ((end - start + 3) & ~3);
    this.#carry(this.#fields.u16(end + 6), end + 8);
  }

  /** Radiotap's flags, where they are present in its only bitmap: behind the eight bytes of TSFT, or first. */
  #isPadded(start: number): boolean {
    const present = this.#fields.u32(start + 4);
    if (present === undefined || (present & 0x0200_0080) !== 0x0200_0000) return false;
    const flags = this.#fields.u8(start + (present & 0x0100_0000 ? 16 : 8));
    return flags >= 0 && (flags & 0x20) !== 0;
  }

  #ipv4(at: number): void {
    const protocol = this.#fields.u8(at + 9);
    if (protocol >= 0) this.layers.add(layerOf.protocol(protocol));
    this.#addresses.ipv4(at + 12);
    this.#addresses.ipv4(at + 16);
    const first = this.#fields.u8(at);
    if (first < 0 || protocol < 0) return;
    const transport = at + 4 * (first & 0x0f);
    if (protocol === Protocol.AH) this.#authenticated(transport);
    else if (hasPorts(protocol)) {
      const fragment = this.#fields.u16(at + 6);
      // Fragments but the first have no transport header.
      if (fragment >= 0 && (fragment & 0x1fff) === 0) this.#transport(protocol, transport);
    }
  }

  /** Authentication headers (RFC 4302), the only ones that `protochain` walks over behind IPv4. */
  #authenticated(header: number): void {
    for (let at = header, next: number = Protocol.AH; next === Protocol.AH; ) {
      next = this.#fields.u8(at);
      const units = this.#fields.u8(at + 1);
      if (next < 0 || units < 0) return;
      this.layers.add(layerOf.protocol(next));
      at += 4 * (units + 2);
    }
  }

  #ipv6(start: number): void {
    this.#addresses.ipv6(start + 8);
    this.#addresses.ipv6(start + 24);
    const first = this.#fields.u8(start + 6);
    if (first < 0) return;
    this.layers.add(layerOf.protocol(first));
    if (this.#extensions(first, start + 40, false)) this.#extensions(first, start + 40, true);
  }

  /**
   * Tells whether a fragment header has something in its reserved byte. `protochain` takes that for a length, as in
   * options; ports are never read so.
   */
  #extensions(first: number, header: number, areFragmentsLikeOptions: boolean): boolean {
    let next = first;
    let at = header;
    let isLaterFragment = false;
    let isReservedUsed = false;
    while (isExtension(next)) {
      const isFragment = next === Protocol.IPV6_FRAGMENT;
      if (isFragment && (this.#fields.u16(at + 2) & 0xfff8) !== 0) isLaterFragment = true;
      const units = this.#fields.u8(at + 1);
      if (isFragment && units > 0) isReservedUsed = true;
      const size =
        next === Protocol.AH
          ? 4 * (units + 2)
          : isFragment && !areFragmentsLikeOptions
            ? FRAGMENT_BYTES
            : 8 * (units + 1);
      next = this.#fields.u8(at);
      if (next < 0 || units < 0) return isReservedUsed;
      this.layers.add(layerOf.protocol(next));
      at += size;
    }
    if (!areFragmentsLikeOptions && !isLaterFragment && hasPorts(next)) this.#transport(next, at);
    return isReservedUsed;
  }

  #transport(protocol: number, at: number): void {
    const source = this.#fields.u16(at);
    const destination = this.#fields.u16(at + 2);
    if (source >= 0) this.tokens.add(TokenKind.port, source);
    if (destination < 0) return;
    this.tokens.add(TokenKind.port, destination);
    if (protocol !== Protocol.UDP) return;
    if (destination === PORT_OF.geneve) this.#geneve(at + UDP_BYTES);
    else if (destination === PORT_OF.vxlan) this.#vxlan(at + UDP_BYTES);
  }

  /** RFC 8926; the language takes version 0 only. */
  #geneve(at: number): void {
    const first = this.#fields.u8(at);
    if (first < 0 || (first & 0xc0) !== 0) return;
    const type = this.#fields.u16(at + 2);
    const inner = at + 8 + 4 * (first & 0x3f);
    if (type === BRIDGED) {
      this.#isNamed(type);
      this.#ethernet(inner);
    } else this.#carry(type, inner);
  }

  /** RFC 7348; the language asks for the flag that says that the network's number is valid. */
  #vxlan(at: number): void {
    const flags = this.#fields.u8(at);
    if (flags >= 0 && (flags & 0x08) !== 0) this.#ethernet(at + 8);
  }
}

const hasPorts = (protocol: number): boolean =>
  protocol === Protocol.TCP || protocol === Protocol.UDP || protocol === Protocol.SCTP;

const isExtension = (next: number): boolean =>
  next === Protocol.IPV6_HOP_BY_HOP ||
  next === Protocol.IPV6_ROUTING ||
  next === Protocol.IPV6_FRAGMENT ||
  next === Protocol.AH ||
  next === Protocol.IPV6_OPTIONS;
