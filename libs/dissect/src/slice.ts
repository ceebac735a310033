import { elsewhere, notCaptured, pastTheEnd } from './cut.js';

/**
 * A run of a packet's bytes that ends three times: where the message ends (as its lengths say), where this packet ends
 * (before that in a fragment or a segment), and where the capture does. Reading behind one of them throws the matching
 * `Cut`. Positions are counted from the slice's start, numbers are in network order.
 */
export class Slice {
  /** Captured end. */
  readonly end: number;

  /**
   * @param bytes the packet's, from its first byte
   * @param start in `bytes`
   * @param hereEnd where this packet has no more of it
   * @param messageEnd where it ends for good
   */
  constructor(
    readonly bytes: Uint8Array,
    readonly start: number,
    readonly hereEnd: number,
    readonly messageEnd: number,
  ) {
    this.end = Math.max(start, Math.min(hereEnd, messageEnd, bytes.length));
  }

  /** Of the message, in this packet or not. */
  get length(): number {
    return Math.max(0, this.messageEnd - this.start);
  }

  /** Of what this packet had on the wire. */
  get presentLength(): number {
    return Math.max(0, Math.min(this.hereEnd, this.messageEnd) - this.start);
  }

  get capturedLength(): number {
    return this.end - this.start;
  }

  /** @throws Cut unless `length` bytes at `at` were captured */
  need(at: number, length: number): void {
    const end = this.start + at + length;
    if (end <= this.end) return;
    throw end > this.messageEnd ? pastTheEnd : end > this.hereEnd ? elsewhere : notCaptured;
  }

  /** From `at` for `length` bytes, but never longer than this slice. */
  part(at: number, length = Number.POSITIVE_INFINITY): Slice {
    const start = Math.min(this.start + at, this.messageEnd);
    return new Slice(this.bytes, start, this.hereEnd, Math.min(start + length, this.messageEnd));
  }

  /** From `at`: a message of `length` bytes, or of nobody knows how many, that may go on where this slice ends. */
  goingOn(at: number, length = Number.POSITIVE_INFINITY): Slice {
    const start = Math.min(this.start + at, this.messageEnd);
    return new Slice(this.bytes, start, Math.min(this.hereEnd, this.messageEnd), start + length);
  }

  /** Of the packet's bytes: the end of what was captured where `at` is behind it. */
  placeOf(at: number): number {
    return Math.min(this.start + at, this.bytes.length);
  }

  u8(at: number): number {
    this.need(at, 1);
    return this.bytes[this.start + at]!;
  }

  u16(at: number): number {
    return this.uint(at, 2);
  }

  u32(at: number): number {
    return this.uint(at, 4);
  }

  /** @param length 1 to 6 bytes: numbers that are exact */
  uint(at: number, length: number): number {
    this.need(at, length);
    let value = 0;
    for (let i = this.start + at; i < this.start + at + length; i++) value = value * 256 + this.bytes[i]!;
    return value;
  }

  hex(at: number, length: number): string {
    this.need(at, length);
    let text = '';
    for (let i = this.start + at; i < this.start + at + length; i++) text += HEX[this.bytes[i]!];
    return text;
  }

  latin1(at: number, length: number): string {
    this.need(at, length);
    let text = '';
    for (let i = this.start + at; i < this.start + at + length; i++) text += String.fromCharCode(this.bytes[i]!);
    return text;
  }

  /** Where `byte` is first among the captured ones from `at` up to `end`; -1 without it. */
  find(byte: number, at: number, end = this.capturedLength): number {
    const found = this.bytes.subarray(this.start + at, Math.min(this.start + end, this.end)).indexOf(byte);
    return found < 0 ? -1 : at + found;
  }
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
