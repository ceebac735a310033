import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aHeader, aSection, nodeCalls, systemError } from './contract-tests/records.js';
import { FolderSegments } from './segment-files.js';
import { type ScannedSegment, SegmentScan } from './segment-scan.js';
import { type SegmentCalls, SegmentWriter } from './segment-writer.js';

describe('SegmentScan', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-spool-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  // Only a record's head makes a file a segment.
  it.each([
    [20, 0],
    [100, 0],
    [500, 1],
  ])(
    'finds what follows a record of which it saw the first %i bytes, on a disk that was full, known segments: %i',
    (bytes, known) => {
      const files = new FolderSegments(folder);
      const scan = new SegmentScan(files);
      const segments: ScannedSegment[] = [];
      const found: number[] = [];
      const look = () => scan.follow(segments, 1, ({ header }) => found.push(header.seq));
      let room = bytes;
      const calls: SegmentCalls = {
        ...nodeCalls,
        writev: (fd, parts, at) => {
          if (room === 0) {
            look();
            throw systemError('ENOSPC');
          }
          const part = Buffer.concat(parts).subarray(0, room);
          room -= part.length;
          return nodeCalls.writev(fd, [part], at);
        },
      };
      const writer = new SegmentWriter({ folder, firstSegment: 1 }, calls);
      const append = (seq: number) => writer.append(aHeader(seq, aSection(seq, 600)), aSection(seq, 600));
      expect(() => append(0)).toThrow(/takes no sections/);
      expect(segments).toHaveLength(known);
      look();
      room = 10_000;
      append(1);
      append(2);
      look();
      expect(found).toEqual([1, 2]);
      expect(scan.damaged).toEqual({ sections: 0, packets: 0, bytes: 0 });
      writer.close();
      files.close();
    },
  );
});
