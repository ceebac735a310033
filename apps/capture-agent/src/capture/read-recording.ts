import { readFile } from 'node:fs/promises';
import { BpfleetError } from '@bpfleet/errors';
import { type CapturedPacket, CaptureFileReader } from '@bpfleet/section';

/** A capture file to be replayed. */
export interface Recording {
  readonly packets: readonly CapturedPacket[];
  /** The file ends inside a record, as when tcpdump was killed: what is wrong, and what is replayed. */
  readonly cut: string | undefined;
}

/**
 * Reads a capture file to its end before anything else is done: nothing is stored of one that is broken somewhere. Of one that
 * only ends inside a record there is everything before it.
 * @throws BpfleetError `FILE_UNREADABLE`, `CAPTURE_FILE_CORRUPT`
 */
export async function readRecording(file: string): Promise<Recording> {
  const reader = new CaptureFileReader();
  const packets: CapturedPacket[] = [];
  const bytes = await bytesOf(file);
  try {
    for (const packet of reader.push(bytes)) packets.push(packet);
  } catch (cause) {
    throw refusalOf(file, cause);
  }
  try {
    reader.end();
  } catch (cause) {
    if (packets.length === 0) throw refusalOf(file, cause);
    const { message } = refusalOf(file, cause);
    return { packets, cut: `${message}; the ${packets.length} packets before it are replayed` };
  }
  return { packets, cut: undefined };
}

function refusalOf(file: string, cause: unknown): BpfleetError {
  if (!(cause instanceof BpfleetError)) throw cause;
  return new BpfleetError(cause.code, `${file}: ${cause.message}`, {
    cause,
    hint: cause.hint ?? 'repair it: `pcapfix`',
  });
}

async function bytesOf(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new BpfleetError('FILE_UNREADABLE', `cannot read the capture file ${file}: ${(cause as Error).message}`, {
      cause,
      hint: 'name a pcap or pcapng file',
    });
  }
}
