/** Whole numbers below 2^53 as LEB128, and words of an address, one behind the other. */
export class NumberReader {
  #at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  number(): number {
    let byte = this.bytes[this.#at++]!;
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let scale = 128; byte >= 0x80; scale *= 128) {
      byte = this.bytes[this.#at++]!;
      value += (byte & 0x7f) * scale;
    }
    return value;
  }

  /** A word of 32 bits, most significant byte first. */
  u32(): number {
    const { bytes } = this;
    const at = this.#at;
    this.#at = at + 4;
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  }
}

/** The same, written. */
export class NumberWriter {
  #bytes = new Uint8Array(1024);
  #end = 0;

  number(value: number): void {
    this.#reserve(8);
    while (value >= 0x80) {
      this.#bytes[this.#end++] = (value % 128) | 0x80;
      value = Math.floor(value / 128);
    }
    this.#bytes[this.#end++] = value;
  }

  u32(value: number): void {
    this.#reserve(4);
    for (const shift of [24, 16, 8, 0]) this.#bytes[this.#end++] = value >>> shift;
  }

  /** A copy: many of these are kept at a time. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#end);
  }

  #reserve(count: number): void {
    if (this.#end + count <= this.#bytes.length) return;
    const larger = new Uint8Array(this.#bytes.length * 2);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
