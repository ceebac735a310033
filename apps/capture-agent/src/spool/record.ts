import { MAX_RECORD_BYTES } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { crc32 } from '@node-rs/crc32';
import { decodeHeader, encodeHeader, type RecordHeader } from './record-header.js';

/**
 * A record in a segment, little endian: magic, mark, length of the header, length of the section, CRC-32 of the two
 * lengths and the header; then the header (JSON), then the section, whose own CRC-32 the header holds. Magic and mark find
 * the next record after damage, and only then: where the record before ends, lengths and CRC-32 are enough. The mark is
 * random for each segment: without it, packets made by someone else could look like records.
 */
const PREFIX = { magic: 0, mark: 4, headerBytes: 8, sectionBytes: 12, crc32: 16, bytes: 20 } as const;
/** `BPSR` */
const MAGIC = 0x52_53_50_42;
const MAGIC_BYTES = Buffer.from('BPSR');
/** Magic and mark: where a record may begin. */
const START_BYTES = 8;
const MAX_HEADER_BYTES = 256 * 1024;
/** A record is never larger. */
export const MAX_SPOOL_RECORD_BYTES = PREFIX.bytes + MAX_HEADER_BYTES + MAX_RECORD_BYTES;

/** What was found in the bytes of a segment, in order and without gaps. */
export type Found =
  | {
      readonly kind: 'record';
      readonly start: number;
      readonly end: number;
      readonly header: RecordHeader;
      /** A view of the bytes given. */
      readonly section: Uint8Array;
    }
  /** A record of its full length whose section is not what its header says. */
  | { readonly kind: 'broken'; readonly start: number; readonly end: number; readonly header: RecordHeader }
  /** Not readable. `sections` are those of which at least the header is. */
  | { readonly kind: 'damage'; readonly start: number; readonly end: number; readonly sections: number }
  /** More bytes are needed to tell what it is, or where damage ends; all of them are a section's when `header` is there. */
  | { readonly kind: 'cut'; readonly start: number; readonly needsBytes: number; readonly header?: RecordHeader };

export interface WalkOptions {
  /** Offset of a record. */
  readonly start?: number;
  /** Nothing follows these bytes: a record that reaches beyond them is damage. Otherwise it is cut. */
  readonly isEnd: boolean;
  /** false: sections are not looked into, for callers that only count. */
  readonly checkSections?: boolean;
}

/** The parts of one record, to be written one after the other. @throws BpfleetError `INTERNAL` for one that is too large */
export function encodeRecord(mark: number, header: RecordHeader, section: Uint8Array): Uint8Array[] {
  const json = Buffer.from(encodeHeader(header));
  if (json.length > MAX_HEADER_BYTES || section.length > MAX_RECORD_BYTES) {
    throw new BpfleetError('INTERNAL', `section ${header.seq} is too large for the spool: ${section.length} bytes`);
  }
  const prefix = Buffer.alloc(PREFIX.bytes);
  prefix.writeUInt32LE(MAGIC, PREFIX.magic);
  prefix.writeUInt32LE(mark, PREFIX.mark);
  prefix.writeUInt32LE(json.length, PREFIX.headerBytes);
  prefix.writeUInt32LE(section.length, PREFIX.sectionBytes);
  prefix.writeUInt32LE(crc32(json, crc32(lengthsOf(prefix, 0))), PREFIX.crc32);
  return [prefix, json, section];
}

/**
 * Walks the records of a segment. After damage it goes on at the next record whose header is whole, which needs the mark:
 * damage ends there or with the segment, so that each place that is told is one of a record.
 */
export function* walkRecords(bytes: Buffer, mark: number, options: WalkOptions): Generator<Found> {
  for (let at = options.start ?? 0; at < bytes.length; ) {
    const found = recordAt(bytes, at, mark, options) ?? damageAt(bytes, at, mark, options);
    yield found;
    if (found.kind === 'cut') return;
    at = found.end;
  }
}

/** Undefined when what begins here, where one should, is not a record. */
function recordAt(bytes: Buffer, start: number, mark: number, options: WalkOptions): Found | undefined {
  const head = headAt(bytes, start);
  if (head === 'not a record') return undefined;
  if (head === 'too short') {
    const needsBytes = neededBytes(bytes, start);
    return options.isEnd ? undefined : { kind: 'cut', start, needsBytes };
  }
  const { header, sectionStart, end } = head;
  if (end > bytes.length) {
    if (!options.isEnd) return { kind: 'cut', start, needsBytes: end - start, header };
    return { kind: 'damage', start, end: nextRecord(bytes, start + 1, mark, true) ?? bytes.length, sections: 1 };
  }
  const section = bytes.subarray(sectionStart, end);
  if ((options.checkSections ?? true) && crc32(section) !== header.crc32) {
    return { kind: 'broken', start, end, header };
  }
  return { kind: 'record', start, end, header, section };
}

function damageAt(bytes: Buffer, start: number, mark: number, { isEnd }: WalkOptions): Found {
  const next = nextRecord(bytes, start + 1, mark, isEnd);
  if (next === undefined && !isEnd) return { kind: 'cut', start, needsBytes: 2 * (bytes.length - start) };
  return { kind: 'damage', start, end: next ?? bytes.length, sections: 0 };
}

/** Where the next record with a whole header begins, or one that more bytes may make whole; undefined: none of these does. */
function nextRecord(bytes: Buffer, from: number, mark: number, isEnd: boolean): number | undefined {
  const pattern = Buffer.alloc(START_BYTES);
  pattern.writeUInt32LE(MAGIC, PREFIX.magic);
  pattern.writeUInt32LE(mark, PREFIX.mark);
  for (let at = bytes.indexOf(pattern, from); at >= 0; at = bytes.indexOf(pattern, at + 1)) {
    const head = headAt(bytes, at);
    if (typeof head === 'object' || (head === 'too short' && !isEnd)) return at;
  }
  return undefined;
}

export interface Head {
  readonly mark: number;
  readonly header: RecordHeader;
  readonly sectionStart: number;
  readonly end: number;
}

/** What lengths and CRC-32 say of a record whose place is known, whatever its magic and mark are. */
export function headAt(bytes: Buffer, start: number): Head | 'too short' | 'not a record' {
  const present = bytes.length - start;
  if (present < PREFIX.bytes) return 'too short';
  const [headerBytes, sectionBytes] = lengthsAt(bytes, start);
  if (headerBytes > MAX_HEADER_BYTES || sectionBytes > MAX_RECORD_BYTES) return 'not a record';
  if (present < PREFIX.bytes + headerBytes) return 'too short';
  const sectionStart = start + PREFIX.bytes + headerBytes;
  const json = bytes.subarray(start + PREFIX.bytes, sectionStart);
  if (crc32(json, crc32(lengthsOf(bytes, start))) !== bytes.readUInt32LE(start + PREFIX.crc32)) return 'not a record';
  const header = decodeHeader(json.toString());
  if (header === undefined) return 'not a record';
  return { mark: bytes.readUInt32LE(start + PREFIX.mark), header, sectionStart, end: sectionStart + sectionBytes };
}

/** Of a record whose header is not all there. */
export function neededBytes(bytes: Buffer, start: number): number {
  if (bytes.length - start < PREFIX.bytes) return PREFIX.bytes;
  return PREFIX.bytes + lengthsAt(bytes, start)[0];
}

/**
 * The mark of the first of those records that follow each other, each of them whole and all with the same mark, up to the
 * last byte of a segment. A packet cannot look like these: what follows it is neither its sender's nor known to them.
 */
export function markFromEnd(segment: Buffer): number | undefined {
  /** Of records from which on all are so, by their places. */
  const marks = new Map<number, number>();
  let first: number | undefined;
  for (let at = segment.length - PREFIX.bytes; at >= 0; at--) {
    at = segment.lastIndexOf(MAGIC_BYTES, at);
    if (at < 0) break;
    const mark = segment.readUInt32LE(at + PREFIX.mark);
    const [headerBytes, sectionBytes] = lengthsAt(segment, at);
    const end = at + PREFIX.bytes + headerBytes + sectionBytes;
    // Before its checksums: many candidates would take long.
    if (end !== segment.length && marks.get(end) !== mark) continue;
    const head = headAt(segment, at);
    if (typeof head !== 'object' || crc32(segment.subarray(head.sectionStart, end)) !== head.header.crc32) continue;
    marks.set(at, mark);
    first = mark;
  }
  return first;
}

const lengthsAt = (bytes: Buffer, start: number): readonly [headerBytes: number, sectionBytes: number] => [
  bytes.readUInt32LE(start + PREFIX.headerBytes),
  bytes.readUInt32LE(start + PREFIX.sectionBytes),
];

const lengthsOf = (bytes: Uint8Array, start: number): Uint8Array =>
  bytes.subarray(start + PREFIX.headerBytes, start + PREFIX.crc32);
