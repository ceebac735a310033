import type { Readable } from 'node:stream';

/** Lists of a hundred thousand addresses take 2 MiB; what is longer than this is no request. */
export const MAX_LINE_BYTES = 64 << 20;

const NEWLINE = 0x0a;

/** The lines of a stream without their ends; undefined for one that is too long, of which nothing is kept. */
export async function* readLines(input: Readable, maxBytes = MAX_LINE_BYTES): AsyncGenerator<string | undefined> {
  let pieces: Buffer[] = [];
  let length = 0;
  const add = (piece: Buffer) => {
    length += piece.length;
    if (length <= maxBytes) pieces.push(piece);
    else pieces = [];
  };
  const take = () => {
    const line = length <= maxBytes ? Buffer.concat(pieces).toString().replace(/\r$/, '') : undefined;
    pieces = [];
    length = 0;
    return line;
  };
  for await (const chunk of input as AsyncIterable<Buffer | string>) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      add(bytes.subarray(start, end));
      yield take();
      start = end + 1;
    }
    if (start < bytes.length) add(bytes.subarray(start));
  }
  if (length > 0) yield take();
}
