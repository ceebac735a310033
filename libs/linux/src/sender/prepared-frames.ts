/** `struct mmsghdr` with `struct msghdr`, include/linux/socket.h, on 64-bit hosts. */
const MMSGHDR = { iov: 16, iovCount: 24, bytes: 64 } as const;
/** `struct iovec`, include/uapi/linux/uio.h. */
const IOVEC = { base: 0, length: 8, bytes: 16 } as const;

/**
 * Frames as sendmmsg(2) wants them: in one piece of memory an array of messages, the vectors they point to, the bytes
 * those point to. It stays where it is, and alive, as long as this object.
 */
export class PreparedFrames {
  readonly count: number;
  readonly #memory: Uint8Array;
  readonly #address: bigint;

  constructor(frames: readonly Uint8Array[], addressOf: (bytes: Uint8Array) => bigint) {
    this.count = frames.length;
    const vectors = frames.length * MMSGHDR.bytes;
    let at = vectors + frames.length * IOVEC.bytes;
    const contentBytes = frames.reduce((sum, frame) => sum + frame.length, 0);
    // Made through its ArrayBuffer: a small typed array could live inside the JavaScript heap, where it would move.
    this.#memory = new Uint8Array(new ArrayBuffer(at + contentBytes + 1));
    this.#address = addressOf(this.#memory);
    const view = new DataView(this.#memory.buffer);
    for (const [index, frame] of frames.entries()) {
      const message = index * MMSGHDR.bytes;
      const vector = vectors + index * IOVEC.bytes;
      view.setBigUint64(message + MMSGHDR.iov, this.#address + BigInt(vector), true);
      view.setBigUint64(message + MMSGHDR.iovCount, 1n, true);
      view.setBigUint64(vector + IOVEC.base, this.#address + BigInt(at), true);
      view.setBigUint64(vector + IOVEC.length, BigInt(frame.length), true);
      this.#memory.set(frame, at);
      at += frame.length;
    }
  }

  /** Where the `mmsghdr` of a frame is; those of the following frames come behind it. */
  addressOfMessage(index: number): bigint {
    return this.#address + BigInt(index * MMSGHDR.bytes);
  }
}
