import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jump, statement } from '../instruction.js';
import { BPF } from '../opcodes.js';
import { decodeProgram, encodeProgram, fromTuples, parseProgram, type Tuple, toTuples } from './encode.js';
import { formatProgram } from './format.js';

const anyTuples = fc.array(
  fc.tuple(
    fc.integer({ min: 0, max: 0xffff }),
    fc.integer({ min: 0, max: 255 }),
    fc.integer({ min: 0, max: 255 }),
    fc.integer({ min: 0, max: 0xffff_ffff }),
  ),
  { minLength: 1, maxLength: 20 },
);

describe('encodeProgram', () => {
  it('writes struct sock_filter, little-endian', () => {
    const program = [jump(BPF.JMP | BPF.JEQ, 0x1234_5678, 1, 2), statement(BPF.RET | BPF.K, 0xffff_ffff)];
    expect([...encodeProgram(program)]).toEqual([
      0x15, 0, 1, 2, 0x78, 0x56, 0x34, 0x12, 6, 0, 0, 0, 255, 255, 255, 255,
    ]);
  });
  it('is undone by decodeProgram, also in the middle of a buffer', () => {
    fc.assert(
      fc.property(anyTuples, (tuples: Tuple[]) => {
        const bytes = encodeProgram(fromTuples(tuples));
        const buffer = new Uint8Array(bytes.length + 3);
        buffer.set(bytes, 3);
        expect(toTuples(decodeProgram(buffer.subarray(3)))).toEqual(tuples);
      }),
    );
  });
  it('is undone by parseProgram through the -ddd text', () => {
    fc.assert(
      fc.property(anyTuples, (tuples: Tuple[]) => {
        expect(toTuples(parseProgram(`${formatProgram(fromTuples(tuples), 'ddd')}\n`))).toEqual(tuples);
      }),
    );
  });
});

describe('programs from outside', () => {
  it.each<[string, () => unknown]>([
    ['bytes that end inside an instruction', () => decodeProgram(new Uint8Array(9))],
    ['a jump offset above 255', () => fromTuples([[0x15, 256, 0, 0]])],
    ['a negative constant', () => fromTuples([[0x06, 0, 0, -1]])],
    ['a row with a number too few', () => fromTuples([[6, 0, 0]])],
    ['a fraction', () => fromTuples([[6, 0, 0, 0.5]])],
    ['a text whose count is wrong', () => parseProgram('2\n6 0 0 0\n')],
    ['a text that is none', () => parseProgram('hello')],
    ['an empty text', () => parseProgram('')],
    ['a text with a hexadecimal number', () => parseProgram('1\n6 0 0 0x10')],
    ['a text with a number too many', () => parseProgram('1\n6 0 0 0 1')],
  ])('refuses %s', (_, read) => {
    expect(read).toThrowError(expect.objectContaining({ code: 'PROGRAM_INVALID' }));
  });
});
