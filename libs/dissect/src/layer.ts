import { formatIpv4, formatIpv6, formatMac } from '@bpfleet/packet';
import { tooManyFields } from './cut.js';
import { type Field, textOf } from './field.js';
import type { OpenNode, Value } from './node.js';
import { printable } from './printable.js';
import type { Slice } from './slice.js';

/** Of one dissection: what hostile bytes may make of it. */
export interface Budget {
  fields: number;
}

/** Longer runs of bytes and text are shown by their place alone. */
const MOST_HEX_BYTES = 64;
const MOST_TEXT_BYTES = 8_192;

/**
 * Reads fields of a slice and writes each into a node, in one step: what cannot be read is not in the tree, and what is
 * in the tree was read. Positions are counted from the slice's start.
 */
export class Layer {
  constructor(
    readonly slice: Slice,
    readonly node: OpenNode,
    private readonly budget: Budget,
  ) {}

  uint(field: Field, at: number, length: number): number {
    return this.add(field, at, length, this.slice.uint(at, length));
  }

  /** A number of some bits: those of `mask`, which is one run of ones, moved down. */
  bits(field: Field, at: number, length: number, mask: number): number {
    const lowest = mask & -mask;
    const value = Math.floor(((this.slice.uint(at, length) & mask) >>> 0) / (lowest >>> 0));
    return this.add(field, at, length, value);
  }

  flag(field: Field, at: number, length: number, mask: number): boolean {
    return this.add(field, at, length, (this.slice.uint(at, length) & mask) !== 0);
  }

  mac(field: Field, at: number): string {
    this.slice.need(at, 6);
    return this.add(field, at, 6, formatMac(this.slice.bytes, this.slice.start + at));
  }

  ipv4(field: Field, at: number): string {
    this.slice.need(at, 4);
    return this.add(field, at, 4, formatIpv4(this.slice.bytes, this.slice.start + at));
  }

  ipv6(field: Field, at: number): string {
    this.slice.need(at, 16);
    return this.add(field, at, 16, formatIpv6(this.slice.bytes, this.slice.start + at));
  }

  /** Text of one byte a character, escaped. */
  text(field: Field, at: number, length: number): void {
    this.place(field, at, length, at, length);
  }

  /** Text that is part of its field's bytes: a header's value, of a whole line. */
  place(field: Field, at: number, length: number, textAt: number, textLength: number): void {
    this.slice.need(at, length);
    const start = this.slice.start + textAt;
    if (textLength <= MOST_TEXT_BYTES) {
      this.add(field, at, length, printable(this.slice.bytes, start, start + textLength));
    } else this.#push(field.name, `${field.label} (${textLength} bytes)`, at, length);
  }

  bytes(field: Field, at: number, length: number): void {
    this.slice.need(at, length);
    if (length <= MOST_HEX_BYTES) this.add(field, at, length, this.slice.hex(at, length));
    else this.#push(field.name, `${field.label} (${length} bytes)`, at, length);
  }

  /** What is left of `length` bytes of payload, however much of it was captured. */
  payload(field: Field, at: number, length: number): void {
    const captured = Math.max(0, Math.min(length, this.slice.capturedLength - at));
    if (captured > 0) this.#push(field.name, `${field.label} (${length} bytes)`, at, captured);
  }

  /** Writes a value that the caller has read, or inferred (`length` 0). */
  add<Kind extends Value>(field: Field, at: number, length: number, value: Kind): Kind {
    this.#push(field.name, textOf(field, value), at, length).value = value;
    return value;
  }

  /** A layer of what belongs to the field written last. */
  within(write: (inner: Layer) => void): void {
    const last = this.node.children?.at(-1);
    if (last !== undefined) write(new Layer(this.slice, last, this.budget));
  }

  /** Writes into the same node, but reads from another slice: a message with an end of its own. */
  over(slice: Slice): Layer {
    return new Layer(slice, this.node, this.budget);
  }

  /** A line that groups others, if there are any. Text and length may be set by `write`, where only reading tells. */
  group(name: string, text: string, at: number, length: number, write?: (inner: Layer) => void): void {
    const node = this.#push(name, text, at, this.#captured(at, length));
    write?.(new Layer(this.slice, node, this.budget));
  }

  /** How long this layer's own part is; what was not captured of it does not count. */
  setLength(length: number): void {
    this.node.lengthBytes = this.#captured(Math.max(0, this.node.offset - this.slice.start), length);
  }

  /** Names a group by what was read in it. */
  setText(text: string): void {
    this.node.text = text;
  }

  /** Says that something is odd, where the rest can still be read; nothing where nothing is. */
  odd(text: string | undefined): void {
    if (text !== undefined) this.#push('_ws.expert', text, 0, 0);
  }

  #captured(at: number, length: number): number {
    return Math.max(0, Math.min(length, this.slice.capturedLength - at));
  }

  #push(name: string, text: string, at: number, lengthBytes: number): OpenNode & { value?: Value } {
    if (this.budget.fields-- <= 0) throw tooManyFields;
    const node: OpenNode = { name, text, offset: this.slice.placeOf(at), lengthBytes };
    this.node.children ??= [];
    this.node.children.push(node);
    return node;
  }
}
