import { notCaptured, pastTheEnd } from './cut.js';

/**
 * A run of a packet's bytes with two ends: how far it went on the wire (as the packet's own lengths say), and how far
 * it was captured. Reading behind one of them throws the matching `Cut`. Positions are counted from the slice's start,
 * bytes are in network order.
 */
export class Slice {
  /** In `bytes`, and so from the packet's first byte. */
  readonly start: number;
  /** Captured end. */
  readonly end: number;
  readonly wireEnd: number;

  constructor(
    readonly bytes: Uint8Array,
    start: number,
    end: number,
    wireEnd: number,
  ) {
    this.start = start;
    this.wireEnd = Math.max(start, wireEnd);
    this.end = Math.max(start, Math.min(end, wireEnd, bytes.length));
  }

  /** On the wire. */
  get length(): number {
    return this.wireEnd - this.start;
  }

  get capturedLength(): number {
    return this.end - this.start;
  }

  /** @throws Cut unless `length` bytes at `at` were captured */
  need(at: number, length: number): void {
    const end = this.start + at + length;
    if (end > this.end) throw end > this.wireEnd ? pastTheEnd : notCaptured;
  }

  /** From `at` for `length` bytes, but never longer than this slice. */
  part(at: number, length = Number.POSITIVE_INFINITY): Slice {
    const start = Math.min(this.start + at, this.wireEnd);
    return new Slice(this.bytes, start, this.end, Math.min(start + length, this.wireEnd));
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

  /** Where `byte` is first, from `at` in what was captured; -1 without it. */
  find(byte: number, at: number): number {
    const found = this.bytes.indexOf(byte, this.start + at);
    return found < 0 || found >= this.end ? -1 : found - this.start;
  }
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
