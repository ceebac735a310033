import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ApiClient, PacketQuery, queryApi as QueryApi } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { trailersOf } from '../patient-fetch.js';
import { print, type Terminal } from '../terminal.js';
import { isReplaceable, writeWhole, writtenAsItComes } from './capture-file.js';
import { completenessText } from './completeness-text.js';

/**
 * Streams the answer as pcapng into a file, which appears only when it is whole, or into what is none as it comes: a pipe,
 * a device, standard output for `-`. How complete it is, is said beside it.
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
  if (path === '-') await receive(response, terminal.out, signal);
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
  try {
    if (await isReplaceable(path)) {
      const hint = 'nothing was kept; ask again, or for a shorter range';
      return await writeWhole(path, (file) => receive(response, file, signal, { path, hint }));
    }
    const file = writtenAsItComes(path);
    await receive(response, file, signal, { path });
    return file.bytesWritten;
  } catch (error) {
    // Of a file that could not be opened: an answer that nobody reads would keep the process.
    if (!response.bodyUsed) await response.body?.cancel();
    throw unwritten(error, path) ?? error;
  }
}

interface Receiving {
  /** What was asked for. Undefined: standard output, which does not end with the answer. */
  readonly path?: string;
  /** What to do when the server breaks off. */
  readonly hint?: string;
}

const BEGUN = 'what was written is only the beginning; ask again, or for a shorter range';

/** Writes an answer as it comes; of one that breaks off, all that came. */
export async function receive(
  response: Response,
  to: Writable,
  signal: AbortSignal,
  { path, hint = BEGUN }: Receiving = {},
): Promise<void> {
  let broken: unknown;
  // A source that fails would destroy what is written to, with what it has not written yet.
  const came = async function* () {
    try {
      yield* response.body!;
    } catch (cause) {
      broken = cause;
    }
  };
  try {
    await pipeline(came, to, { signal, end: path !== undefined });
  } catch (cause) {
    throw unwritten(cause, path ?? 'standard output') ?? cause;
  }
  if (broken === undefined) return;
  signal.throwIfAborted();
  throw new BpfleetError('SERVER_UNREACHABLE', 'the server broke off while it sent the packets', {
    cause: broken,
    hint,
  });
}

/**
 * Undefined for errors that are not of what is written to; a reader who went away is none.
 * @param path what was asked for: the cause names the file that stands beside it until it is whole
 */
function unwritten(cause: unknown, path: string): BpfleetError | undefined {
  if (!isErrno(cause) || cause.code === 'EPIPE') return undefined;
  const [reason] = cause.message.split(`, ${cause.syscall}`);
  const hint = hintFor(cause, path);
  return new BpfleetError('FILE_UNREADABLE', `cannot write ${path}: ${reason}`, { cause, ...(hint && { hint }) });
}

function hintFor({ code, path: failed }: NodeJS.ErrnoException, path: string): string | undefined {
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'free space there, or name a file on another disk';
  // Writing into an open file names none.
  if (failed === undefined || failed === path) return undefined;
  return 'its folder must be there, and writable: it is replaced when all of it is written';
}

const isErrno = (error: unknown): error is NodeJS.ErrnoException => error instanceof Error && 'syscall' in error;
