/** Joins small pieces into chunks of about this size: a socket write per packet would cost more than the packet. */
export const CHUNK_BYTES = 64 * 1024;

/** The pieces in order, as few buffers. One chunk is held; what the consumer does not take is not made. */
export async function* inChunks(runs: AsyncIterable<Iterable<Uint8Array>>): AsyncGenerator<Uint8Array, void, void> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  for await (const run of runs) {
    for (const piece of run) {
      waiting.push(piece);
      bytes += piece.length;
      if (bytes < CHUNK_BYTES) continue;
      yield Buffer.concat(waiting, bytes);
      waiting = [];
      bytes = 0;
    }
  }
  if (bytes > 0) yield Buffer.concat(waiting, bytes);
}
