import { CaptureFileReader, SNAPLEN_BYTES } from '@bpfleet/section';
import { describe, expect } from 'vitest';
import type { Random } from '../conformance/random.js';
import { itReadsOrRefuses } from './reads-or-refuses.js';
import { exportedFile, pcapFile, pcapngFile, section } from './valid-captures.js';

/** What a file says, and at what place it stops being one. */
interface Reading {
  readonly packets: number;
  readonly fault: unknown;
}

function readIn(file: Uint8Array, chunkBytes: number): Reading {
  const reader = new CaptureFileReader();
  let [packets, packetBytes] = [0, 0];
  try {
    for (let at = 0; at < file.length; at += chunkBytes) {
      for (const { bytes, atNs } of reader.push(file.subarray(at, at + chunkBytes))) {
        packets++;
        packetBytes += bytes.length;
        const isBounded = bytes.length <= SNAPLEN_BYTES && packetBytes <= file.length;
        if (!isBounded || BigInt.asIntN(64, atNs) !== atNs) throw new RangeError('out of bounds');
      }
    }
    reader.end();
    return { packets, fault: undefined };
  } catch (fault) {
    return { packets, fault };
  }
}

function read(file: Uint8Array, random: Random): boolean {
  const whole = readIn(file, Math.max(1, file.length));
  const pieces = readIn(file, 1 + random.below(300));
  // No `expect` where all is well: it would be most of the time of a million files.
  if (whole.packets !== pieces.packets || String(whole.fault) !== String(pieces.fault)) expect(pieces).toEqual(whole);
  if (whole.fault !== undefined) throw whole.fault;
  return true;
}

const pcap = [true, false].flatMap((isLittle) => [0xa1b2c3d4, 0xa1b23c4d].map((magic) => pcapFile(isLittle, magic)));
const pcapng = [pcapngFile(true), pcapngFile(false), section(), exportedFile()];
const refusals = ['CAPTURE_FILE_CORRUPT'];

describe('a capture file', () => {
  itReadsOrRefuses({ name: 'pcap files', valid: pcap, read, refusals });
  itReadsOrRefuses({ name: 'pcapng files', valid: pcapng, read, refusals });
});
