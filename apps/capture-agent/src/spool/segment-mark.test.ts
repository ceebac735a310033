import { describe, expect, it } from 'vitest';
import { aHeader, aSection } from './contract-tests/records.js';
import { scanned } from './contract-tests/scanned.js';
import { encodeRecord } from './record.js';
import { markIn, markOf } from './segment-mark.js';

const MARK = 0x1234_5678;
const OTHER = 0x8765_4321;

const record = (seq: number, section: Uint8Array = aSection(seq, 60), mark = MARK) =>
  Buffer.concat(encodeRecord(mark, aHeader(seq, section), section));
const records = [0, 1, 2, 3].map((seq) => record(seq));
const starts = records.map((_, index) => Buffer.concat(records.slice(0, index)).length);
const [first, second] = [starts[1]!, starts[2]!];
const segment = (change: (bytes: Buffer) => unknown = () => undefined): Buffer => {
  const bytes = Buffer.concat(records);
  change(bytes);
  return bytes;
};
const seqsIn = (bytes: Buffer): number[] => scanned(bytes).found.map(({ header }) => header.seq);

describe('the mark of a segment', () => {
  it('is that of its records', () => {
    expect(markIn(segment())).toBe(MARK);
    expect(markIn(records[0]!)).toBe(MARK);
    expect(markIn(Buffer.from('no segment at all'))).toBeUndefined();
  });

  it.each([
    ['the first magic is wrong', (bytes: Buffer) => bytes.fill(0, 0, 4)],
    ['the first mark is wrong', (bytes: Buffer) => bytes.fill(0, 4, 8)],
    ['the second mark is wrong', (bytes: Buffer) => bytes.fill(0, first + 4, first + 8)],
    ['the first record is gone', (bytes: Buffer) => bytes.fill(0, 0, first)],
    ['the first mark and the second record are wrong', (bytes: Buffer) => bytes.fill(0, 4, 8).fill(0, first, second)],
    ['all but the last record is gone', (bytes: Buffer) => bytes.fill(0, 0, starts[3])],
  ])('is still known where %s', (_, change) => {
    expect(markIn(segment(change))).toBe(MARK);
  });

  it('is not that of a packet that looks like a record, where nothing else does', () => {
    const forged = record(66, aSection(66, 9), OTHER);
    const packets = record(0, Buffer.concat([Buffer.alloc(50), forged, forged, Buffer.alloc(4)]));
    expect(markIn(packets.fill(0, 0, 200))).toBeUndefined();
    // One that says to reach to the very end knows not what it would hold.
    const reaching = record(66, Buffer.alloc(40 + records[1]!.length), OTHER).subarray(0, -40 - records[1]!.length);
    const honest = record(0, Buffer.concat([reaching, Buffer.alloc(40, 1)]));
    const bytes = Buffer.concat([honest, records[1]!]);
    expect(markIn(bytes.fill(0, 0, 200))).toBe(MARK);
  });

  it('is taken from no end while its writer is running', () => {
    const bytes = segment((all) => all.fill(0, 0, first));
    const read = (from: number, length: number) => bytes.subarray(from, from + length);
    expect(markOf(read, bytes.length, false)).toBeUndefined();
  });
});

describe('a segment', () => {
  it('loses the record with the damage and no other, wherever a bit is wrong', () => {
    for (let at = 0; at < first; at++) {
      const harmed = seqsIn(segment((bytes) => (bytes[at]! ^= 1)));
      // Of its section nothing is looked at; without magic or mark a record is known by its place.
      const isKnown = at < 8 || at >= first - 60;
      expect([at, harmed]).toEqual([at, isKnown ? [0, 1, 2, 3] : [1, 2, 3]]);
    }
  });

  it.each([4096, 50_000])('keeps what lies behind %i zeros', (zeros) => {
    const large = [0, 1, 2, 3].map((seq) => record(seq, aSection(seq, 40_000)));
    const bytes = Buffer.concat(large).fill(0, 0, zeros);
    expect(seqsIn(bytes)).toEqual(zeros > 40_500 ? [2, 3] : [1, 2, 3]);
    expect(scanned(bytes).damaged.bytes).toBe(large[0]!.length * (zeros > 40_500 ? 2 : 1));
  });
});
