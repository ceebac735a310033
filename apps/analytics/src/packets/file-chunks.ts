import type { CaptureFile } from './capture-file.js';
import { CHUNK_BYTES } from './chunks.js';
import type { MatchedPacket } from './packet-scan.js';

/**
 * A capture file in chunks, each packet copied once, from its section to its place in the chunk: nothing is made for it.
 * One chunk is held; what the consumer does not take is not made.
 */
export async function* fileChunks(
  file: CaptureFile,
  linkType: number | undefined,
  runs: AsyncIterable<readonly MatchedPacket[]>,
): AsyncGenerator<Uint8Array, void, void> {
  const chunk = new Chunk();
  chunk.append(file.header(linkType));
  for await (const run of runs) {
    for (const packet of run) {
      const before = file.before(packet);
      const sizeBytes = (before?.length ?? 0) + file.sizeBytes(packet);
      if (chunk.isFullFor(sizeBytes)) yield chunk.take(sizeBytes);
      if (before) chunk.append(before);
      file.write(chunk, packet);
      chunk.at += file.sizeBytes(packet);
    }
  }
  yield chunk.take();
}

/** Bytes that are being filled, up to `at`. */
class Chunk {
  bytes!: Uint8Array;
  view!: DataView;
  at = 0;

  constructor() {
    this.#begin(CHUNK_BYTES);
  }

  isFullFor(sizeBytes: number): boolean {
    return this.at + sizeBytes > this.bytes.length;
  }

  append(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** What was filled; begins anew, with room for so much. */
  take(roomBytes = 0): Uint8Array {
    const taken = this.bytes.subarray(0, this.at);
    this.#begin(Math.max(CHUNK_BYTES, roomBytes));
    return taken;
  }

  #begin(sizeBytes: number): void {
    // Not of a pool: the socket keeps it until it is sent. Not zeroed: all of it up to `at` is written.
    const { buffer, byteOffset, length } = Buffer.allocUnsafeSlow(sizeBytes);
    this.bytes = new Uint8Array(buffer, byteOffset, length);
    this.view = new DataView(buffer, byteOffset, length);
    this.at = 0;
  }
}
