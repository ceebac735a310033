import { describe, expect, it } from 'vitest';
import { assemble } from '../forms/assemble.js';
import { interpret, UNDECIDED } from '../run/interpret.js';
import type { PacketMetadata } from '../run/packet.js';
import { interpretThreeValued } from './interpret-three-valued.js';

/** The verdict on a packet of 40 bytes of which these were kept. */
function verdict(text: string, kept: readonly number[] = [], wireLength = 40, metadata?: PacketMetadata): number {
  const packet = { bytes: Uint8Array.from(kept), start: 0, capturedLength: kept.length, wireLength };
  return interpretThreeValued(assemble(text), { ...packet, ...(metadata && { metadata }) });
}

/** A test of A, which says 1 or 0. */
const says = (test: string) => `${test}, yes, no\n yes: ret #1\n no: ret #0`;

describe('interpretThreeValued', () => {
  it.each([
    ['a missing byte', `ldb [3]\n ${says('jeq #7')}`],
    ['a place that may be outside', 'ldb [3]\n tax\n ldb [x + 36]\n ret #1'],
    ['a product that only one number gives', `ld [8]\n mul #3\n ${says('jeq #1')}`],
    ['an offset that only wraps around into the packet', 'ld [4]\n tax\n ldb [x + 1262]\n ret #1'],
    ['a byte that must be found at one of many places', `ldb [9]\n mod #8\n tax\n ldb [x + 0]\n ${says('jeq #7')}`],
    ['a divisor that may be 0', 'ldb [3]\n tax\n ld #5\n div x\n ret #1'],
    ['two numbers that must be equal', `ld [4]\n tax\n ld [12]\n ${says('jeq x')}`],
    ['what it returns', 'ldb [3]\n and #1\n ret a'],
  ])('leaves undecided what depends on %s', (_, text) => {
    expect(verdict(text)).toBe(UNDECIDED);
  });

  it.each([
    ['the same bits', `ldh [4]\n jset #2, one, two\n one: ldh [4]\n ${says('jset #6')}\n two: ret #1`, 1],
    [
      'bytes of a word that was tested as a whole',
      `ld [4]\n jeq #0x01020304, one, two\n one: ldh [5]\n ${says('jeq #0x0203')}\n two: ret #1`,
      1,
    ],
    [
      'a word whose bytes were tested',
      `ldb [4]\n jgt #9, one, no\n one: ld [4]\n ${says('jge #0x0a000000')}`,
      UNDECIDED,
    ],
    [
      'a word that cannot be less than its first byte says',
      `ldb [4]\n jgt #9, one, two\n one: ld [4]\n ${says('jge #0x0a000000')}\n two: ret #1`,
      1,
    ],
    ['a number less itself', 'ld [4]\n tax\n sub x\n ret a', 0],
    ['a sum that is twice the number', 'ld [4]\n tax\n add x\n and #1\n ret a', 0],
    ['what shifts leave', 'ld [4]\n lsh #6\n mul #0x40000000\n ret a', 0],
    ['the last bits of a product', `ld [4]\n mul #12\n add #1\n ${says('jset #3')}`, 1],
    ['a product that no number gives', `ld [4]\n mul #6\n ${says('jeq #7')}`, 0],
    [
      'the same load at an uncertain place',
      `ldx 4*([14]&0xf)\n ldh [x + 4]\n jeq #80, one, two\n one: ldh [x + 4]\n ${says('jeq #80')}\n two: ret #1`,
      UNDECIDED,
    ],
    ['two numbers compared twice', `ld [4]\n tax\n ld [8]\n jgt x, one, two\n one: ${says('jge x')}\n two: ret #1`, 1],
    [
      'two numbers that differ, compared the other way',
      `ld [4]\n tax\n ld [8]\n jge x, two, one\n one: st M[0]\n txa\n ldx M[0]\n ${says('jgt x')}\n two: ret #1`,
      1,
    ],
    ['a number compared with itself', `ld [4]\n tax\n ${says('jgt x')}`, 0],
    ['a quotient', `ldh [4]\n div #0x100\n ${says('jgt #0xff')}`, 0],
    ['a remainder', `ld [4]\n mod #10\n ${says('jge #10')}`, 0],
    ['an offset that is outside wherever it is', 'ldb [4]\n tax\n ldb [x + 100]\n ret #1', 0],
    ['a negation', `ldb [4]\n or #1\n neg\n ${says('jge #0x80000000')}`, 1],
    ['an or that sets a bit', `ld [4]\n or #8\n ${says('jset #8')}`, 1],
    [
      'ways that all end alike',
      `ld [4]\n jset #1, a, b\n a: ldb [0]\n b: ldb [1]\n jeq #3, c, d\n c: ldb [2]\n d: ret #7`,
      7,
    ],
  ])('decides by %s', (_, text, expected) => {
    expect(verdict(text)).toBe(expected);
  });

  it('does not follow ways apart that all end alike', () => {
    const step = (index: number) =>
      `ldb [${index}]\n jeq #${index}, t${index}, f${index}\n t${index}: tax\n f${index}: txa`;
    expect(verdict(`${Array.from({ length: 40 }, (_, index) => step(index)).join('\n')}\n ret #7`)).toBe(7);
  });

  it('looks at each place that a load can be at', () => {
    const text = `ldb [9]\n mod #8\n tax\n ldb [x + 0]\n ${says('jeq #7')}`;
    expect(verdict(text, [1, 2, 3, 4, 5, 6, 8, 9])).toBe(0);
    expect(verdict(text, [7, 7, 7, 7, 7, 7, 7, 7])).toBe(1);
    expect(verdict(text, [1, 2, 3, 7, 5, 6, 8, 9])).toBe(UNDECIDED);
  });

  it('knows the first bytes of a load that was cut', () => {
    const text = `ld [0]\n ${says('jge #0x0a000000')}`;
    expect(verdict(text, [11, 0])).toBe(1);
    expect(verdict(text, [9])).toBe(0);
    expect(verdict(`ld [0]\n ${says('jge #0x0a000100')}`, [10, 0])).toBe(UNDECIDED);
  });

  it('tells the cases of a byte apart where nothing else helps', () => {
    // A square is 0 or 1 modulo 4.
    const text = `ldb [4]\n tax\n mul x\n and #3\n ${says('jeq #2')}`;
    expect(verdict(text)).toBe(0);
  });

  it('takes metadata that nobody kept for anything', () => {
    expect(verdict(`ld #rxhash\n ${says('jeq #1')}`)).toBe(UNDECIDED);
    expect(verdict(`ld #rxhash\n and #0\n ${says('jeq #0')}`)).toBe(1);
  });

  it('answers in bounded time, undecided where that does not suffice', () => {
    const test = (index: number) => `ldb [${index % 40}]\n jeq #${index % 256}, t${index}, f${index}`;
    const step = (index: number) => `${test(index)}\n t${index}: tax\n f${index}: txa\n mul x\n tax`;
    const program = assemble(
      `${Array.from({ length: 500 }, (_, index) => step(index)).join('\n')}\n ${says('jset #2')}`,
    );
    const packet = { bytes: new Uint8Array(0), start: 0, capturedLength: 0, wireLength: 40 };
    const startMs = performance.now();
    expect([UNDECIDED, interpret(program, { ...packet, capturedLength: 40 })]).toContain(
      interpretThreeValued(program, packet),
    );
    expect(performance.now() - startMs).toBeLessThan(10_000);
  });

  it('takes no more memory for a packet that claims to be long', () => {
    expect(verdict(`ldb [3]\n ${says('jeq #7')}`, [], 0xffff_ffff)).toBe(UNDECIDED);
    expect(verdict('ldb [0xfffffe]\n ret #7', [], 0xffff_ffff)).toBe(7);
  });
});
