import { closeSync, fstatSync, ftruncateSync, openSync, unlinkSync, writevSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { RecordHeader } from '../record-header.js';
import type { SegmentCalls } from '../segment-writer.js';

/** A section that tells its number apart from others'. */
export function aSection(seq: number, bytes: number): Buffer {
  return Buffer.alloc(bytes, `section ${seq}, `);
}

export function aHeader(seq: number, section: Uint8Array, more: Partial<RecordHeader> = {}): RecordHeader {
  return {
    agent: 'host-1',
    epoch: 100,
    seq,
    tsMinNs: 1_700_000_000_000_000_000n + BigInt(seq),
    tsMaxNs: 1_700_000_000_000_000_999n + BigInt(seq),
    packets: 3,
    filters: ['web@3', 'dns@1'],
    crc32: crc32(section),
    closedAtMs: 1000 + seq,
    boot: 1,
    closed: { sections: seq + 1, packets: 3 * (seq + 1) },
    spooled: { sections: seq + 1, packets: 3 * (seq + 1) },
    positions: { 7: { blockSequence: seq, packets: 2 } },
    counters: { captured: 3 * (seq + 1) },
    ...more,
  };
}

/** The file calls of a `SegmentWriter`, for tests that change some of them. */
export const nodeCalls: SegmentCalls = {
  create: (path) => openSync(path, 'wx', 0o600),
  writev: (fd, parts, position) => writevSync(fd, parts, position),
  truncate: ftruncateSync,
  close: closeSync,
  remove: unlinkSync,
  stat: fstatSync,
};

export function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: as a system call would say`), { code });
}
