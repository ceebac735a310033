import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { COMPLETENESS_TRAILER } from '@bpfleet/contract';
import type { PacketStream } from './packets.service.js';

/**
 * Writes an answer as fast as its receiver takes it. Headers go out with the first bytes, so that what fails before
 * is still answered as a problem; after that only a broken connection tells that it is not whole.
 * @param signal ends it when aborted, with the signal's reason
 */
export async function sendStream(stream: PacketStream, response: ServerResponse, signal: AbortSignal): Promise<void> {
  const chunks = stream.body[Symbol.asyncIterator]();
  try {
    const first = await chunks.next();
    const trailer = mayHaveTrailers(response) ? stream.trailer : undefined;
    writeHeaders({ ...stream, trailer }, response);
    if (!isForHead(response)) {
      await pipeline(Readable.from(continued(first, chunks), { objectMode: false }), response, { end: false, signal });
      if (trailer) response.addTrailers({ [COMPLETENESS_TRAILER]: JSON.stringify(await trailer()) });
    }
    response.end();
  } finally {
    // Where it did not come to the pipeline, nobody else has.
    await chunks.return?.();
    signal.throwIfAborted();
  }
}

/** HEAD: headers are all there is to send, and nothing more needs to be read for them. */
const isForHead = ({ req }: ServerResponse): boolean => req.method === 'HEAD';

/** Only a chunked answer has a place for them (RFC 9112, 7.1.2), which HTTP/1.0 does not know. Node throws elsewhere. */
const mayHaveTrailers = (response: ServerResponse): boolean =>
  response.useChunkedEncodingByDefault && !isForHead(response);

function writeHeaders({ mediaType, fileName, trailer }: PacketStream, response: ServerResponse): void {
  response.setHeader('Content-Type', mediaType);
  response.setHeader('Cache-Control', 'no-store');
  if (fileName) response.setHeader('Content-Disposition', `attachment; filename="${fileName}"`);
  if (trailer) response.setHeader('Trailer', COMPLETENESS_TRAILER);
}

async function* continued<T>(first: IteratorResult<T, void>, rest: AsyncIterator<T, void>): AsyncGenerator<T> {
  try {
    for (let next = first; !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
