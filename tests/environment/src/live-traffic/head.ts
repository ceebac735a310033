import { buildEthernet, buildIpv4, buildIpv6, buildTcp, buildUdp, Protocol, TcpFlag } from '@bpfleet/packet';
import { checksumOf, put16, sumOf } from './checksum.js';

/** One direction of a flow. */
export interface FlowEnds {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** `Protocol.TCP` or `Protocol.UDP`. */
  readonly protocol: number;
}

/** Byte offsets in an Ethernet frame without tags (RFC 791, RFC 8200). */
const IP = 14;
const IPV4 = { length: IP + 2, checksum: IP + 10, addresses: IP + 12, end: IP + 20 } as const;
const IPV6 = { payloadLength: IP + 4, addresses: IP + 8, end: IP + 40 } as const;
/** From the transport header's start (RFC 768, RFC 9293). */
const UDP = { length: 4, checksum: 6 } as const;
const TCP_CHECKSUM = 16;

/** All of a flow's frames ahead of their payload. What differs from frame to frame, lengths and checksums, is put by `write`. */
export class Head {
  readonly bytes: Uint8Array;
  readonly #isIpv6: boolean;
  readonly #isUdp: boolean;
  readonly #transport: number;
  /** Of the IPv4 header, and of the transport header behind its pseudo header: what does not differ. */
  readonly #sums: { readonly ip: number; readonly transport: number };

  constructor(readonly ends: FlowEnds) {
    this.#isIpv6 = ends.source.includes(':');
    this.#isUdp = ends.protocol === Protocol.UDP;
    const payload = this.#isUdp ? buildUdp(ends) : buildTcp({ ...ends, flags: TcpFlag.ACK });
    const fields = { ...ends, payload };
    this.bytes = buildEthernet({ payload: this.#isIpv6 ? buildIpv6(fields) : buildIpv4(fields) });
    this.#transport = this.#isIpv6 ? IPV6.end : IPV4.end;
    if (!this.#isIpv6) this.#clear(IPV4.length, IPV4.checksum);
    if (this.#isUdp) this.#clear(this.#transport + UDP.length, this.#transport + UDP.checksum);
    else this.#clear(this.#transport + TCP_CHECKSUM);
    // Addresses, which end the IP header of either version, and the transport header lie behind each other.
    const addressed = sumOf(this.bytes, this.#isIpv6 ? IPV6.addresses : IPV4.addresses);
    this.#sums = { ip: sumOf(this.bytes, IP, IPV4.end), transport: addressed + ends.protocol };
  }

  /** Puts it at the start of a frame whose payload has this length and this sum of words. */
  write(frame: Uint8Array, payloadLength: number, payloadSum: number): void {
    frame.set(this.bytes);
    const transportLength = this.bytes.length - this.#transport + payloadLength;
    if (this.#isIpv6) put16(frame, IPV6.payloadLength, transportLength);
    else {
      const length = this.#transport - IP + transportLength;
      put16(frame, IPV4.length, length);
      put16(frame, IPV4.checksum, checksumOf(this.#sums.ip + length));
    }
    const sum = this.#sums.transport + payloadSum + transportLength;
    if (this.#isUdp) {
      put16(frame, this.#transport + UDP.length, transportLength);
      // A computed 0 is sent as all ones, because 0 says that there is none.
      put16(frame, this.#transport + UDP.checksum, checksumOf(sum + transportLength) || 0xffff);
    } else put16(frame, this.#transport + TCP_CHECKSUM, checksumOf(sum));
  }

  #clear(...fields: number[]): void {
    for (const at of fields) put16(this.bytes, at, 0);
  }
}
