/**
 * Bytes that came and are not consumed, in one piece. Costs about as much memory as they have bytes, however small the
 * chunks are: a list of chunks of one byte each would cost a hundred times as much.
 */
export class PendingBytes {
  /** A view of the last chunk, or of memory of our own that grows by doubling. */
  #memory: Uint8Array = new Uint8Array();
  #isOurs = false;
  #start = 0;
  #end = 0;

  /** A view, valid until the next `append`. */
  get bytes(): Uint8Array {
    return this.#memory.subarray(this.#start, this.#end);
  }

  append(chunk: Uint8Array): void {
    const { bytes } = this;
    if (bytes.length === 0) {
      this.#take(chunk, chunk.length, false);
      return;
    }
    if (!this.#isOurs || this.#end + chunk.length > this.#memory.length) {
      const memory = new Uint8Array(Math.max(2 * bytes.length, bytes.length + chunk.length));
      memory.set(bytes);
      this.#take(memory, bytes.length, true);
    }
    this.#memory.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  consume(count: number): void {
    this.#start += count;
  }

  #take(memory: Uint8Array, length: number, isOurs: boolean): void {
    this.#memory = memory;
    this.#isOurs = isOurs;
    this.#start = 0;
    this.#end = length;
  }
}
