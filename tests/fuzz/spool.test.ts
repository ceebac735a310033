import { describe } from 'vitest';
import { aHeader, aSection } from '../../apps/capture-agent/src/spool/contract-tests/records.js';
import { encodeRecord, markOf, walkRecords } from '../../apps/capture-agent/src/spool/record.js';
import { decodeHeader, encodeHeader } from '../../apps/capture-agent/src/spool/record-header.js';
import type { Random } from '../conformance/random.js';
import { JsonMutations } from './json-mutations.js';
import { itReadsOrRefuses } from './reads-or-refuses.js';

const MARK = 0x1234_5678;

function segment(sectionBytes: number): Uint8Array {
  const records = [0, 1, 2, 3].flatMap((seq) => {
    const section = aSection(seq, sectionBytes);
    return encodeRecord(MARK, aHeader(seq, section), section);
  });
  return Buffer.concat(records);
}

/** Every byte belongs to one thing that is found, whatever the bytes. @returns whether there is a record among them */
function walk(input: Uint8Array, random: Random): boolean {
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.length);
  const mark = markOf(bytes);
  if (mark === undefined) return false;
  let [at, hasRecord] = [0, false];
  for (const found of walkRecords(bytes, mark, { isEnd: random.chance(50), checkSections: random.chance(80) })) {
    if (found.start !== at) throw new RangeError(`${found.kind} at ${found.start}, not at ${at}`);
    at = found.kind === 'cut' ? bytes.length : found.end;
    if (at <= found.start || at > bytes.length) throw new RangeError(`${found.kind} from ${found.start} to ${at}`);
    hasRecord ||= found.kind === 'record';
  }
  if (at !== bytes.length) throw new RangeError(`${at} of ${bytes.length} bytes were found`);
  return hasRecord;
}

/** What is taken for a header is one: written again, it says the same. */
function readHeader(input: Uint8Array): boolean {
  const header = decodeHeader(Buffer.from(input).toString());
  if (header === undefined) return false;
  const text = encodeHeader(header);
  const again = decodeHeader(text);
  if (again === undefined || encodeHeader(again) !== text) throw new RangeError(`${text} does not come back`);
  return true;
}

describe('a spool', () => {
  itReadsOrRefuses({ name: 'spool segments', valid: [segment(50), segment(400)], read: walk, refusals: [] });
  const headers = [aHeader(0, aSection(0, 9)), aHeader(7, aSection(7, 9), { filters: [], positions: {} })];
  const valid = headers.map((header) => Buffer.from(encodeHeader(header)));
  itReadsOrRefuses({ name: 'spool headers', valid, read: readHeader, damage: JsonMutations, refusals: [] });
});
