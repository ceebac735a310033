import { readFile } from 'node:fs/promises';
import { BpfleetError } from '@bpfleet/errors';
import { readCapture } from '@bpfleet/section';

/**
 * Reads a capture file to its end before anything else is done: nothing is stored of one that breaks somewhere.
 * @throws BpfleetError `FILE_UNREADABLE`, `CAPTURE_FILE_CORRUPT`
 */
export async function checkCaptureFile(file: string): Promise<void> {
  const packets = readCapture(await readCaptureFile(file));
  try {
    while (!packets.next().done);
  } catch (cause) {
    if (!(cause instanceof BpfleetError)) throw cause;
    throw new BpfleetError(cause.code, `${file}: ${cause.message}`, {
      cause,
      hint: cause.hint ?? 'repair it: `pcapfix`',
    });
  }
}

export async function readCaptureFile(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new BpfleetError('FILE_UNREADABLE', `cannot read the capture file ${file}: ${(cause as Error).message}`, {
      cause,
      hint: 'name a pcap or pcapng file',
    });
  }
}
