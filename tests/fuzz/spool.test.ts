import { describe, expect, it } from 'vitest';
import { aHeader, aSection } from '../../apps/capture-agent/src/spool/contract-tests/records.js';
import { scanned } from '../../apps/capture-agent/src/spool/contract-tests/scanned.js';
import { encodeRecord, walkRecords } from '../../apps/capture-agent/src/spool/record.js';
import { decodeHeader, encodeHeader } from '../../apps/capture-agent/src/spool/record-header.js';
import { markIn } from '../../apps/capture-agent/src/spool/segment-mark.js';
import { Random, seedOfRun } from '../conformance/random.js';
import { JsonMutations } from './json-mutations.js';
import { itReadsOrRefuses } from './reads-or-refuses.js';

const MARK = 0x1234_5678;

const DAMAGED_SEGMENTS = 5_000 * (Number(process.env.BPFLEET_TEST_ROUNDS) || 1);

const records = (sectionBytes: number): Buffer[] =>
  [0, 1, 2, 3].map((seq) => {
    const section = aSection(seq, sectionBytes);
    return Buffer.concat(encodeRecord(MARK, aHeader(seq, section), section));
  });
const segment = (sectionBytes: number): Buffer => Buffer.concat(records(sectionBytes));

/** Every byte belongs to one thing that is found, whatever the bytes. @returns whether all of them are records */
function walk(input: Uint8Array, random: Random): boolean {
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.length);
  const mark = markIn(bytes) ?? MARK;
  let [at, isWhole] = [0, bytes.length > 0];
  for (const found of walkRecords(bytes, mark, { isEnd: random.chance(50), checkSections: random.chance(80) })) {
    if (found.start !== at) throw new RangeError(`${found.kind} at ${found.start}, not at ${at}`);
    at = found.kind === 'cut' ? bytes.length : found.end;
    if (at <= found.start || at > bytes.length) throw new RangeError(`${found.kind} from ${found.start} to ${at}`);
    isWhole &&= found.kind === 'record';
  }
  if (at !== bytes.length) throw new RangeError(`${at} of ${bytes.length} bytes were found`);
  return isWhole;
}

/** Changes what stands from one place to another: a bit, zeros as a disk gives them back, or noise. */
function damage(bytes: Buffer, random: Random): { from: number; to: number } {
  const from = random.below(bytes.length);
  const to = Math.min(bytes.length, from + 1 + random.below(random.of([1, 8, 64, 512, bytes.length])));
  const isBit = random.chance(30);
  const isZero = random.chance(30);
  if (isBit) bytes[from]! ^= 1 << random.below(8);
  else for (let at = from; at < to; at++) bytes[at] = isZero ? 0 : random.below(256);
  return { from, to: isBit ? from + 1 : to };
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

  const seed = seedOfRun();
  it(`keeps every record that damage did not touch, ${DAMAGED_SEGMENTS} times (BPFLEET_TEST_SEED=${seed})`, {
    timeout: 60_000 * (DAMAGED_SEGMENTS / 5_000),
  }, () => {
    const random = new Random(seed);
    for (let round = 0; round < DAMAGED_SEGMENTS; round++) {
      const whole = records(random.of([20, 300, 6000]));
      const bytes = Buffer.concat(whole);
      const { from, to } = damage(bytes, random);
      const starts = whole.map((_, seq) => Buffer.concat(whole.slice(0, seq)).length);
      const untouched = starts.filter((start, seq) => start + whole[seq]!.length <= from || start >= to);
      const found = scanned(bytes).found.map(({ start }) => start);
      expect(found, `damage from ${from} to ${to}`).toEqual(expect.arrayContaining(untouched));
    }
  });

  const headers = [aHeader(0, aSection(0, 9)), aHeader(7, aSection(7, 9), { filters: [], positions: {} })];
  const valid = headers.map((header) => Buffer.from(encodeHeader(header)));
  itReadsOrRefuses({ name: 'spool headers', valid, read: readHeader, damage: JsonMutations, refusals: [] });
});
