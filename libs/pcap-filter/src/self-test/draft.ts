import type { Packet, PacketMetadata } from '@bpfleet/bpf';
import type { MetadataName } from '../ir/ir.js';

type Metadata = { -readonly [Key in MetadataName]: PacketMetadata[Key] };

/** What no kernel says, though a program may ask for it. */
const LARGEST: Readonly<Record<MetadataName, number>> = {
  ...{ protocol: 0xffff, packetType: 4, interfaceIndex: 0x7fff_ffff },
  ...{ vlanTci: 0xffff, vlanTagPresent: 1, vlanProtocol: 0xffff },
};

/** A whole packet in the making. Every way the search tries changes a copy. */
export class Draft {
  /** Shows every change to the bytes; a new one stands here when the length changes. */
  #packet: Packet;

  private constructor(
    private bytes: Uint8Array,
    private readonly metadata: Metadata,
    private readonly mostBytes: number,
  ) {
    this.#packet = this.#whole();
  }

  /** A frame as a host would receive it on its first interface, without a tag. */
  static of(frame: Uint8Array, mostBytes: number): Draft {
    const metadata = { protocol: 0x0800, packetType: 0, interfaceIndex: 1 };
    const untagged = { vlanTci: 0, vlanTagPresent: false, vlanProtocol: 0 };
    return new Draft(frame.slice(), { ...metadata, ...untagged }, mostBytes);
  }

  copy(): Draft {
    return new Draft(this.bytes.slice(), { ...this.metadata }, this.mostBytes);
  }

  get packet(): Packet {
    return this.#packet;
  }

  #whole(): Packet {
    const { bytes, metadata } = this;
    return { bytes, start: 0, capturedLength: bytes.length, wireLength: bytes.length, metadata };
  }

  get length(): number {
    return this.bytes.length;
  }

  /** False where a packet would get longer than allowed. */
  resize(length: number): boolean {
    if (length < 1 || length > this.mostBytes) return false;
    const bytes = new Uint8Array(length);
    bytes.set(this.bytes.subarray(0, length));
    for (let at = this.bytes.length; at < length; at++) bytes[at] = fillerAt(at);
    this.bytes = bytes;
    this.#packet = this.#whole();
    return true;
  }

  /** Puts the bits under the mask into `size` bytes, big-endian, and leaves the others. */
  write(at: number, size: number, value: number, mask: number): boolean {
    if (at + size > this.bytes.length && !this.resize(at + size)) return false;
    for (let index = 0; index < size; index++) {
      const shift = 8 * (size - 1 - index);
      const [byte, bits] = [(value >>> shift) & 0xff, (mask >>> shift) & 0xff];
      this.bytes[at + index] = ((this.bytes[at + index] ?? 0) & ~bits) | (byte & bits);
    }
    return true;
  }

  writeMetadata(name: MetadataName, value: number): boolean {
    if (value > LARGEST[name]) return false;
    if (name === 'vlanTagPresent') this.metadata.vlanTagPresent = value !== 0;
    else this.metadata[name] = value;
    if (this.metadata.vlanTagPresent && this.metadata.vlanProtocol === 0) this.metadata.vlanProtocol = 0x8100;
    return true;
  }
}

/** Small, because it may be read as a header's length; none of them a protocol people filter for. */
const FILLER = [3, 12, 7, 14, 5, 10, 15, 4, 11, 8, 13] as const;

/** No two neighbours alike, and never 0, so that a load at a wrong place reads something else. */
export function fillerAt(at: number): number {
  return FILLER[at % FILLER.length] ?? 0;
}
