import { createReadStream } from 'node:fs';
import { BpfleetError } from '@bpfleet/errors';
import { linkTypeName } from '@bpfleet/packet';
import { type CapturedPacket, readCaptureStream } from '@bpfleet/section';
import type { Terminal } from '../terminal.js';
import { unreadableFile } from '../unreadable-file.js';

/** The packets of a capture file (pcap or pcapng), or of standard input for `-`. Their bytes are valid until the next. */
export async function* capturePackets(path: string, terminal: Terminal): AsyncGenerator<CapturedPacket> {
  const chunks = path === '-' ? terminal.input : createReadStream(path, { signal: terminal.signal });
  try {
    yield* readCaptureStream(chunks as AsyncIterable<Uint8Array>);
  } catch (error) {
    throw unreadableFile(path, error) ?? error;
  }
}

/** @throws BpfleetError when a packet is of another link type than the filter, which would judge it wrongly */
export function checkLinkType({ linkType }: CapturedPacket, expected: string, path: string): void {
  if (linkTypeName(linkType) === expected.toUpperCase()) return;
  throw new BpfleetError(
    'REQUEST_INVALID',
    `${path} holds packets of ${linkTypeName(linkType)}, and the filter is for ${expected}`,
    { hint: `say --linktype ${linkTypeName(linkType)}` },
  );
}
