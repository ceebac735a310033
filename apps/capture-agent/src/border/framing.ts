/** One frame: four bytes of length, big-endian, then so many bytes. */
const HEADER_BYTES = 4;
export const MAX_FRAME_BYTES = 16 * 1024 * 1024;

/** @throws RangeError when the payload is longer than a frame may be */
export function encodeFrame(payload: Uint8Array): Uint8Array {
  if (payload.length > MAX_FRAME_BYTES) {
    throw new RangeError(`a message has at most ${MAX_FRAME_BYTES} bytes, this has ${payload.length}`);
  }
  const frame = new Uint8Array(HEADER_BYTES + payload.length);
  new DataView(frame.buffer).setUint32(0, payload.length);
  frame.set(payload, HEADER_BYTES);
  return frame;
}

export interface FrameListener {
  /** The payload is the listener's. */
  onFrame(payload: Uint8Array): void;
  /** A frame of a length that none has. Its bytes are skipped, as many as it claimed. */
  onRefused(claimedBytes: number): void;
}

/** A frame's memory begins with this and doubles: neither large claims nor small pieces cost more than what came. */
const FIRST_BYTES = 4096;

/** Takes frames out of a stream that comes in pieces of any size. What is too long is never kept. */
export class FrameReader {
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerBytes = 0;
  #claimed = 0;
  /** Bytes of the body that came. */
  #came = 0;
  #body = new Uint8Array(0);
  #isSkipping = false;

  constructor(private readonly listener: FrameListener) {}

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#headerBytes < HEADER_BYTES) at += this.#takeHeader(chunk, at);
      else at += this.#takeBody(chunk, at);
    }
  }

  #takeHeader(chunk: Uint8Array, at: number): number {
    const taken = Math.min(HEADER_BYTES - this.#headerBytes, chunk.length - at);
    this.#header.set(chunk.subarray(at, at + taken), this.#headerBytes);
    this.#headerBytes += taken;
    if (this.#headerBytes === HEADER_BYTES) this.#begin(new DataView(this.#header.buffer).getUint32(0));
    return taken;
  }

  #begin(length: number): void {
    this.#claimed = length;
    this.#came = 0;
    this.#isSkipping = length === 0 || length > MAX_FRAME_BYTES;
    if (length === 0) this.#end();
  }

  #takeBody(chunk: Uint8Array, at: number): number {
    const taken = Math.min(this.#claimed - this.#came, chunk.length - at);
    if (!this.#isSkipping) this.#keep(chunk.subarray(at, at + taken));
    this.#came += taken;
    if (this.#came === this.#claimed) this.#end();
    return taken;
  }

  #keep(piece: Uint8Array): void {
    const needed = this.#came + piece.length;
    if (needed > this.#body.length) {
      const grown = new Uint8Array(Math.min(this.#claimed, Math.max(FIRST_BYTES, needed, 2 * this.#body.length)));
      grown.set(this.#body.subarray(0, this.#came));
      this.#body = grown;
    }
    this.#body.set(piece, this.#came);
  }

  #end(): void {
    const body = this.#body;
    this.#body = new Uint8Array(0);
    this.#headerBytes = 0;
    if (this.#isSkipping) this.listener.onRefused(this.#claimed);
    else this.listener.onFrame(body);
  }
}
