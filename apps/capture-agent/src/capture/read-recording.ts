import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { BpfleetError } from '@bpfleet/errors';
import { type CapturedPacket, CaptureFileReader } from '@bpfleet/section';

/** A capture file to be replayed, as it was found: of any size, so its packets stay in it. */
export interface Recording {
  readonly file: string;
  readonly packets: number;
  /** LINKTYPE_ numbers, as they first occur. */
  readonly linkTypes: readonly number[];
  /** The file ends inside a record, as when tcpdump was killed: what is wrong, and what is replayed. */
  readonly cut: string | undefined;
}

const PIECE_BYTES = 256 * 1024;

/**
 * Reads a capture file to its end before anything else is done: nothing is stored of one that is broken somewhere. Of one that
 * only ends inside a record there is everything before it.
 * @throws BpfleetError `FILE_UNREADABLE`, `CAPTURE_FILE_CORRUPT`
 */
export async function readRecording(file: string): Promise<Recording> {
  await refuseUnlessFile(file);
  const reader = new CaptureFileReader();
  const linkTypes = new Set<number>();
  let packets = 0;
  for await (const piece of piecesOf(file)) {
    try {
      for (const { linkType } of reader.push(piece)) {
        linkTypes.add(linkType);
        packets++;
      }
    } catch (cause) {
      throw refusalOf(file, cause);
    }
  }
  const found = { file, packets, linkTypes: [...linkTypes] };
  try {
    reader.end();
  } catch (cause) {
    if (packets === 0) throw refusalOf(file, cause, 'record it again: no packet of it is whole');
    const { message } = refusalOf(file, cause);
    return { ...found, cut: `${message}; the ${packets} packets before it are replayed` };
  }
  return { ...found, cut: undefined };
}

/**
 * The packets that were found, read again. Each one's bytes are valid until the next is asked for.
 * @throws BpfleetError `FILE_UNREADABLE`, `CAPTURE_FILE_CORRUPT`: the file is another one by now
 */
export async function* packetsOf({ file, packets }: Recording): AsyncGenerator<CapturedPacket, void, void> {
  const reader = new CaptureFileReader();
  let count = 0;
  for await (const piece of piecesOf(file)) {
    try {
      for (const packet of reader.push(piece)) {
        // What was written behind them since then nobody has looked at.
        if (count === packets) return;
        count++;
        yield packet;
      }
    } catch (cause) {
      throw refusalOf(file, cause);
    }
  }
  if (count < packets) throw unreadable(file, `${packets - count} of its ${packets} packets are gone`);
}

async function* piecesOf(file: string): AsyncGenerator<Buffer, void, void> {
  try {
    yield* createReadStream(file, { highWaterMark: PIECE_BYTES });
  } catch (cause) {
    throw unreadable(file, (cause as Error).message, cause);
  }
}

/** It is read twice, which a pipe cannot be. */
export async function refuseUnlessFile(file: string): Promise<void> {
  const found = await stat(file).catch((cause) => {
    throw unreadable(file, (cause as Error).message, cause);
  });
  if (!found.isFile()) throw unreadable(file, 'it is no regular file, and is read twice');
}

function refusalOf(file: string, cause: unknown, advice = 'repair it: `pcapfix`'): BpfleetError {
  if (!(cause instanceof BpfleetError)) throw cause;
  return new BpfleetError(cause.code, `${file}: ${cause.message}`, { cause, hint: cause.hint ?? advice });
}

function unreadable(file: string, reason: string, cause?: unknown): BpfleetError {
  return new BpfleetError('FILE_UNREADABLE', `cannot read the capture file ${file}: ${reason}`, {
    cause,
    hint:
      (cause as NodeJS.ErrnoException | undefined)?.code === 'EACCES'
        ? 'make it readable for others, or copy it to where it is: a replay has no privileges, root’s neither'
        : 'name a pcap or pcapng file',
  });
}
