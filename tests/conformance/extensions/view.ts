import type { Packet } from '@bpfleet/bpf';
import type { CompileOptions } from '@bpfleet/pcap-filter';

export type Extensions = NonNullable<CompileOptions['extensions']>;

/** A load behind the packet's end: whatever is asked, the answer is "no". */
export class OutsideError extends Error {}

/** Where the transport header is, and whether there is one. */
export interface Transport {
  readonly protocol: number;
  readonly at: number;
  /** Of a fragment other than the first: what follows is no header. */
  readonly isLaterFragment: boolean;
  /** The numbers of the headers in front, and of this one. */
  readonly met: readonly number[];
}

const VLAN_TYPES: readonly number[] = [0x8100, 0x88a8, 0x9100];
const [HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION_OPTIONS] = [0, 43, 44, 51, 60];
const FIXED_BYTES = 40;

/**
 * What one term sees of an Ethernet frame, read as the standards say and in no way as the compiler does it.
 * @param tags so many `vlan` stand before the term in the text, and count for it
 */
export class View {
  constructor(
    readonly packet: Packet,
    readonly extensions: Extensions,
    private readonly tags: number,
  ) {}

  /** @throws OutsideError */
  u8(at: number): number {
    if (at >= this.packet.capturedLength) throw new OutsideError();
    return this.packet.bytes[at] ?? 0;
  }

  /** Big-endian. */
  number(at: number, size: number): bigint {
    let value = 0n;
    for (let index = 0; index < size; index++) value = value * 256n + BigInt(this.u8(at + index));
    return value;
  }

  u16(at: number): number {
    return Number(this.number(at, 2));
  }

  isTag(at: number): boolean {
    return VLAN_TYPES.includes(this.u16(at));
  }

  /** Where the EtherType of what is carried stands. */
  get typeAt(): number {
    if (!this.extensions.vlanTransparent) return 12 + 4 * this.tags;
    if (!this.isTag(12)) return 12;
    return this.isTag(16) ? 20 : 16;
  }

  get etherType(): number {
    return this.u16(this.typeAt);
  }

  get network(): number {
    return this.typeAt + 2;
  }

  /** RFC 791. */
  overIpv4(): Transport {
    const ip = this.network;
    const protocol = this.u8(ip + 9);
    return {
      ...{ protocol, met: [protocol] },
      at: ip + 4 * (this.u8(ip) & 0x0f),
      isLaterFragment: (this.u16(ip + 6) & 0x1fff) !== 0,
    };
  }

  /** Behind up to so many extension headers (RFC 8200, section 4; of authentication RFC 4302, section 2). */
  overIpv6(most = this.extensions.ipv6ExtensionHeaders ?? 0): Transport {
    const ip = this.network;
    let protocol = this.u8(ip + 6);
    let at = ip + FIXED_BYTES;
    const met = [protocol];
    for (let count = 0; count < most; count++, met.push(protocol)) {
      switch (protocol) {
        case HOP_BY_HOP:
        case ROUTING:
        case DESTINATION_OPTIONS:
          [protocol, at] = [this.u8(at), at + 8 * (this.u8(at + 1) + 1)];
          break;
        case AUTHENTICATION:
          [protocol, at] = [this.u8(at), at + 4 * (this.u8(at + 1) + 2)];
          break;
        case FRAGMENT: {
          // Always eight bytes: the second is reserved, and says nothing. The last three bits are no offset.
          const isLaterFragment = this.u16(at + 2) >> 3 !== 0;
          [protocol, at] = [this.u8(at), at + 8];
          // What the next header names stands in the first fragment alone.
          if (isLaterFragment) return { protocol, at, isLaterFragment, met: [...met, protocol] };
          break;
        }
        default:
          return { protocol, at, isLaterFragment: false, met };
      }
    }
    return { protocol, at, isLaterFragment: false, met };
  }

  /** Where the header of this protocol starts; undefined where the packet has none. */
  transportHeader(protocol: number, versions: readonly ('ip' | 'ip6')[]): number | undefined {
    const type = this.etherType;
    const found =
      type === 0x0800 && versions.includes('ip')
        ? this.overIpv4()
        : type === 0x86dd && versions.includes('ip6')
          ? this.overIpv6()
          : undefined;
    return found?.protocol === protocol && !found.isLaterFragment ? found.at : undefined;
  }
}
