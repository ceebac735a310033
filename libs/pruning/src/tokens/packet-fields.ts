import type { PacketPlace } from './packet-place.js';

/** Reads one packet after the other in place, and notes when it is asked for something that was cut off. */
export class PacketFields {
  /** Whether a field was asked for that the packet has, at least its first bytes, and the capture has not, or not whole. */
  isCutOff = false;
  #bytes: Uint8Array = new Uint8Array(0);
  /** Offsets in `#bytes` where the captured bytes end, and where the packet would. */
  #captured = 0;
  #wire = 0;

  place(bytes: Uint8Array, { start, capturedLength, wireLength }: PacketPlace): void {
    this.#bytes = bytes;
    this.#captured = start + capturedLength;
    this.#wire = start + wireLength;
  }

  /** Whether all bytes up to this one, without it, were captured. */
  has(end: number): boolean {
    return end <= this.#captured;
  }

  /** A byte; less than 0 where there is none. */
  u8(at: number): number {
    return at < this.#captured ? this.#bytes[at]! : this.#missing(at, at + 1);
  }

  /** In network order; less than 0 where it is not there. */
  u16(at: number): number {
    return at + 2 <= this.#captured ? (this.#bytes[at]! << 8) | this.#bytes[at + 1]! : this.#missing(at, at + 2);
  }

  /** In network order, as a signed number. */
  u32(at: number): number | undefined {
    const bytes = this.#bytes;
    if (at + 4 <= this.#captured) {
      return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    }
    this.#missing(at, at + 4);
    return undefined;
  }

  #missing(at: number, end: number): number {
    // Where the packet itself ends inside the field: the language may read the bytes that are there, `ip multicast` one.
    if (end <= this.#wire || at < this.#captured) this.isCutOff = true;
    return -1;
  }
}
