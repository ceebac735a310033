import { createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ApiClient, PacketQuery, queryApi as QueryApi } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { trailersOf } from '../patient-fetch.js';
import { print, type Terminal } from '../terminal.js';
import { completenessText } from './completeness-text.js';

/**
 * Streams the answer as pcapng into a file, or to standard output for `-`. A file appears only when it is whole:
 * until then it is FILE.part, which is removed when the answer breaks off. How complete it is, is said beside it.
 */
export async function writeCapture(
  path: string,
  query: Partial<PacketQuery>,
  analytics: ApiClient,
  queryApi: typeof QueryApi,
  terminal: Terminal,
): Promise<void> {
  const { packetMediaTypes } = await import('@bpfleet/contract');
  const { signal } = terminal;
  const headers = { accept: packetMediaTypes.pcapng };
  const response = await analytics.send(queryApi.listPackets, { query, headers, signal });
  if (path === '-') await receive(response, terminal.out, signal, { end: false });
  else await print(terminal.err, `${await toFile(path, response, signal)} bytes written to ${path}\n`);
  await print(terminal.err, `${await completenessBehind(response)}\n`);
}

/** What stands behind a capture file, which has no place for it. */
async function completenessBehind(response: Response): Promise<string> {
  const { COMPLETENESS_TRAILER, Completeness } = await import('@bpfleet/contract');
  const trailer = trailersOf(response)[COMPLETENESS_TRAILER.toLowerCase()];
  if (typeof trailer !== 'string') return 'how complete it is was not told: a proxy may have left that out';
  return `its packets are of ${completenessText(Completeness.parse(JSON.parse(trailer)))}`;
}

async function toFile(path: string, response: Response, signal: AbortSignal): Promise<number> {
  // A pipe or a device cannot be replaced by a finished file.
  const direct = await stat(path).then(
    (stats) => !stats.isFile(),
    () => false,
  );
  const target = direct ? path : `${path}.part`;
  const file = createWriteStream(target);
  try {
    await receive(response, file, signal);
    if (!direct) await rename(target, path);
    return file.bytesWritten;
  } catch (error) {
    if (!direct) await rm(target, { force: true });
    throw error;
  }
}

/** Writes an answer as it comes. */
export async function receive(
  response: Response,
  to: Writable,
  signal: AbortSignal,
  options?: { end: false },
): Promise<void> {
  // Made only here: a stream that breaks while nobody listens to it would end the process.
  const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
  try {
    await pipeline(body, to, { signal, ...options });
  } catch (cause) {
    if (signal.aborted || isErrno(cause, 'EPIPE')) throw cause;
    if (isErrno(cause)) throw new BpfleetError('FILE_UNREADABLE', `cannot write: ${cause.message}`, { cause });
    throw new BpfleetError('SERVER_UNREACHABLE', 'the server broke off while it sent the packets', {
      cause,
      hint: 'nothing was kept; ask again, or for a shorter range',
    });
  }
}

function isErrno(error: unknown, code?: string): error is NodeJS.ErrnoException {
  return (
    error instanceof Error && 'syscall' in error && (code === undefined || ('code' in error && error.code === code))
  );
}
