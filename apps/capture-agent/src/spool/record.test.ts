import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aHeader, aSection } from './contract-tests/records.js';
import { encodeRecord, type Found, walkRecords } from './record.js';
import { decodeHeader, encodeHeader } from './record-header.js';

const MARK = 0x1234_5678;

/** One segment of records with these numbers, and where each begins. */
function segment(count: number, bytes = 200): { bytes: Buffer; starts: number[] } {
  const parts: Uint8Array[] = [];
  const starts: number[] = [];
  let at = 0;
  for (let seq = 0; seq < count; seq++) {
    starts.push(at);
    const section = aSection(seq, bytes);
    for (const part of encodeRecord(MARK, aHeader(seq, section), section)) {
      parts.push(part);
      at += part.length;
    }
  }
  return { bytes: Buffer.concat(parts), starts: [...starts, at] };
}

const walk = (bytes: Buffer, isEnd = true): Found[] => [...walkRecords(bytes, MARK, { isEnd })];
const brief = (found: readonly Found[]) =>
  found.map((item) => (item.kind === 'record' ? item.header.seq : `${item.kind} ${item.start}`));

describe('a record', () => {
  it('comes back as it was written', () => {
    const section = aSection(4, 1000);
    const header = aHeader(4, section);
    const [found] = walk(Buffer.concat(encodeRecord(MARK, header, section)));
    expect(found).toMatchObject({ kind: 'record', start: 0, header });
    expect(found?.kind === 'record' && Buffer.compare(found.section, section)).toBe(0);
  });

  it('has room for all versions that a section can name', () => {
    // MAX_FILTERS_CHARACTERS of sections/section-assembler.ts, in the shortest names.
    const filters = Array.from({ length: 32_768 }, (_, index) => `${String.fromCharCode(97 + (index % 26))}@1`);
    expect(encodeRecord(MARK, aHeader(0, aSection(0, 9), { filters }), aSection(0, 9))).toHaveLength(3);
  });

  it('is refused when nobody could read it back', () => {
    const section = Buffer.alloc(2 ** 20 + 1);
    expect(() => encodeRecord(MARK, aHeader(0, section), section)).toThrow(/too large/);
    const filters = Array.from({ length: 20_000 }, (_, index) => `filter-${index}@1`);
    expect(() => encodeRecord(MARK, aHeader(0, section, { filters }), Buffer.alloc(1))).toThrow(/too large/);
  });

  it('needs no positions and no counters', () => {
    const { positions: _, counters: __, ...header } = aHeader(4, aSection(4, 10));
    expect(decodeHeader(encodeHeader(header))).toEqual(header);
  });

  it.each(Object.keys(aHeader(0, Buffer.alloc(1))))('is none without a fit %s in its header', (name) => {
    const fields = JSON.parse(encodeHeader(aHeader(0, Buffer.alloc(1)))) as Record<string, unknown>;
    expect(decodeHeader(JSON.stringify(fields))).toBeDefined();
    for (const unfit of [null, { a: 'x' }, [[]], -1.5, '']) {
      expect(decodeHeader(JSON.stringify({ ...fields, [name]: unfit }))).toBeUndefined();
    }
  });
});

describe('a header', () => {
  it.each(['"closedAtMs":1000', '"captured":3'])('is none with a number too large for one: %s', (member) => {
    const text = encodeHeader(aHeader(0, Buffer.alloc(1)));
    expect(decodeHeader(text.replace(member, member.replace(/\d+$/, '1e308')))).toBeDefined();
    expect(decodeHeader(text.replace(member, member.replace(/\d+$/, '1e309')))).toBeUndefined();
  });
});

describe('walkRecords', () => {
  it('misses no record behind damage, wherever the bytes at hand end', () => {
    const { bytes, starts } = segment(3);
    bytes.fill(7, 5, starts[1]!);
    for (let length = 1; length < bytes.length; length++) {
      const found = walk(bytes.subarray(0, length), false);
      const consumed = found.reduce((end, item) => ('end' in item ? item.end : end), 0);
      // Either before a record or, as it was found, behind it: never within one.
      expect(consumed <= starts[1]! || starts.includes(consumed)).toBe(true);
    }
  });

  it('finds the records of a segment in order', () => {
    const { bytes } = segment(5);
    expect(brief(walk(bytes))).toEqual([0, 1, 2, 3, 4]);
  });

  it('calls a record that is not all there cut, or damage when nothing follows', () => {
    const { bytes, starts } = segment(3);
    for (let length = starts[2]! + 1; length < bytes.length; length++) {
      const part = bytes.subarray(0, length);
      expect(brief(walk(part, true))).toEqual([0, 1, `damage ${starts[2]}`]);
      expect(brief(walk(part, false))).toEqual([0, 1, `cut ${starts[2]}`]);
    }
  });

  it('says how many bytes a cut record needs', () => {
    const { bytes, starts } = segment(2);
    let have = starts[1]! + 1;
    for (let tries = 0; have < bytes.length && tries < 4; tries++) {
      const last = walk(bytes.subarray(0, have), false).at(-1);
      if (last?.kind === 'cut') have = last.start + last.needsBytes;
    }
    expect(brief(walk(bytes.subarray(0, have), false))).toEqual([0, 1]);
  });

  it('keeps the records on both sides of damage, wherever a byte is wrong', () => {
    const { bytes, starts } = segment(3, 60);
    for (let seq = 0; seq < 3; seq++) {
      const [start, end] = [starts[seq]!, starts[seq + 1]!];
      for (let at = start; at < end; at++) {
        const harmed = Buffer.from(bytes);
        harmed[at]! ^= 0x55;
        const kind = at < end - 60 ? 'damage' : 'broken';
        // Magic and mark are for what is behind damage.
        const itself = at < start + 8 ? seq : `${kind} ${start}`;
        expect(brief(walk(harmed))).toEqual([0, 1, 2].with(seq, itself as number));
      }
    }
  });

  it('names a section that is damaged under a header that is whole', () => {
    const { bytes, starts } = segment(3);
    bytes[starts[2]! - 1]! ^= 1;
    expect(walk(bytes)[1]).toMatchObject({ kind: 'broken', header: { seq: 1 }, end: starts[2] });
    const counted = [...walkRecords(bytes, MARK, { isEnd: true, checkSections: false })];
    expect(brief(counted)).toEqual([0, 1, 2]);
  });

  it('does not take a record inside a packet for one of its own, whatever is damaged around it', () => {
    const forged = Buffer.concat(encodeRecord(0x8765_4321, aHeader(66, Buffer.alloc(9)), Buffer.alloc(9)));
    const section = Buffer.concat([Buffer.alloc(50), forged, forged]);
    const honest = Buffer.concat(encodeRecord(MARK, aHeader(1, section), section));
    honest[30]! ^= 1;
    const { bytes, starts } = segment(1);
    expect(brief(walk(Buffer.concat([bytes, honest, bytes])))).toEqual([0, `damage ${starts[1]}`, 0]);
  });

  it('covers every byte once, whatever the bytes', () => {
    const { bytes } = segment(4, 80);
    const harm = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 40 });
    fc.assert(
      fc.property(harm, fc.nat(bytes.length), fc.boolean(), (places, length, isEnd) => {
        const harmed = Buffer.from(bytes.subarray(0, length));
        for (const [at, value] of places) if (at < length) harmed[at] = value;
        let at = 0;
        for (const found of walk(harmed, isEnd)) {
          expect(found.start).toBe(at);
          at = found.kind === 'cut' ? harmed.length : found.end;
          expect(at).toBeGreaterThan(found.start);
        }
        expect(at).toBe(harmed.length);
      }),
    );
  });
});

/** 1,000,000 inputs in the long form: `BPFLEET_TEST_ROUNDS=20 npm test -- spool`. */
const INPUTS = 50_000 * Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);

describe('walkRecords, fuzzed', () => {
  it(`keeps every record before the damage and crashes on none of ${INPUTS} inputs`, { timeout: 3_600_000 }, () => {
    const { bytes, starts } = segment(4, 50);
    const memory = () => {
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const before = memory();
    for (let input = 0; input < INPUTS; input++) {
      const { harmed, from } = mutate(bytes);
      const whole = starts.filter((start) => start <= from).length - 1;
      const found = walk(harmed, input % 2 === 0);
      for (let seq = 0; seq < whole; seq++) {
        const item = found[seq];
        if (item?.kind !== 'record' || item.header.seq !== seq)
          throw new Error(`lost ${seq}: ${harmed.toString('hex')}`);
      }
      if (input % 10_000 === 0) expect(memory() - before).toBeLessThan(256 * 2 ** 20);
    }
  });

  /** A segment that is changed from one place on: bits, runs, lengths, insertions, cuts, noise. */
  function mutate(bytes: Buffer): { harmed: Buffer; from: number } {
    const from = randomInt(bytes.length);
    const noise = Buffer.from(Array.from({ length: randomInt(1, 24) }, () => randomInt(256)));
    const head = bytes.subarray(0, from);
    switch (randomInt(5)) {
      case 0:
        return { harmed: Buffer.concat([head, noise, bytes.subarray(from + noise.length)]), from };
      case 1:
        return { harmed: Buffer.concat([head, noise, bytes.subarray(from)]), from };
      case 2:
        return { harmed: Buffer.concat([head, bytes.subarray(from + noise.length)]), from };
      case 3:
        return { harmed: Buffer.concat([head, bytes.subarray(randomInt(bytes.length))]), from };
      default:
        return { harmed: head, from };
    }
  }
});
