import type { Random } from '../conformance/random.js';

/** Where parsers have their edges. */
const NUMBERS = [0, 1, 2, 3, 4, 7, 8, 12, 16, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x4_0000];
const LARGE = [0x4_0001, 0x10_0000, 0x100_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffc, 0xffff_ffff];
const LONGEST_NOISE = 64;

export interface Inputs {
  next(): Uint8Array;
}

/** Inputs for a parser: valid ones that were damaged, a few times each, and some that never were any. */
export class Mutations implements Inputs {
  readonly #valid: readonly Uint8Array<ArrayBuffer>[];

  constructor(
    private readonly random: Random,
    valid: readonly Uint8Array[],
  ) {
    // A slice of a Buffer is no copy.
    this.#valid = valid.map((bytes) => new Uint8Array(bytes));
  }

  next(): Uint8Array {
    const { random } = this;
    let bytes = random.of(this.#valid).slice();
    const kind = random.below(20);
    if (kind === 0) return this.#noise(4 * LONGEST_NOISE);
    if (kind === 1) return joined(bytes.subarray(0, random.below(40)), this.#noise(4 * LONGEST_NOISE));
    for (let changes = random.of([1, 1, 1, 2, 2, 3, 6]); changes > 0; changes--) bytes = this.#change(bytes);
    return bytes;
  }

  #change(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const { random } = this;
    const at = random.below(bytes.length + 1);
    const before = bytes.subarray(0, at);
    const length = 1 + random.below(random.of([4, LONGEST_NOISE]));
    switch (random.below(10)) {
      case 0:
      case 1:
        return this.#number(bytes, at);
      case 2:
        return this.#number(bytes, at - (at % 4));
      case 3:
        if (at < bytes.length) bytes[at]! ^= 1 << random.below(8);
        return bytes;
      case 4:
        bytes.set(this.#noise(length).subarray(0, bytes.length - at), at);
        return bytes;
      case 5:
        return joined(before, this.#noise(length), bytes.subarray(at));
      case 6:
        return joined(before, bytes.subarray(at + length));
      case 7:
        // A piece twice, or something of another one.
        return joined(before, bytes.subarray(random.below(at + 1), at), bytes.subarray(at));
      case 8: {
        const other = random.of(this.#valid);
        return joined(before, other.subarray(random.below(other.length + 1)));
      }
      default:
        return before.slice();
    }
  }

  /** In one, two or four bytes of either order; also what is left of the bytes, which lengths are checked against. */
  #number(bytes: Uint8Array<ArrayBuffer>, at: number): Uint8Array<ArrayBuffer> {
    const { random } = this;
    const left = bytes.length - at;
    const value = random.of([random.of(NUMBERS), random.of(LARGE), left + random.of([-4, -1, 0, 1, 4])]);
    const size = random.of([1, 2, 4]);
    if (size > left) return bytes;
    const isLittle = random.chance(70);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (size === 1) view.setUint8(at, value);
    else if (size === 2) view.setUint16(at, value, isLittle);
    else view.setUint32(at, value, isLittle);
    return bytes;
  }

  #noise(most: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length: this.random.below(most + 1) }, () => this.random.below(256));
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
