/** One buffer for one thing after the other: it grows to the largest that was asked for, and is never given back. */
export class ReusedMemory {
  #bytes = Buffer.alloc(0);

  /** What was there before is overwritten. */
  of(lengthBytes: number): Buffer {
    // Slow: not a part of Node's pool, which would be kept alive as a whole.
    if (this.#bytes.length < lengthBytes) this.#bytes = Buffer.allocUnsafeSlow(lengthBytes);
    return this.#bytes.subarray(0, lengthBytes);
  }
}
