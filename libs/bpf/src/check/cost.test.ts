import { describe, expect, it } from 'vitest';
import { type Instruction, jump, statement } from '../instruction.js';
import { Ancillary, BPF, SKF_AD_OFF } from '../opcodes.js';
import { checkProgram } from './check.js';
import { convertedLength, greatestConvertedLength } from './cost.js';

/** net.core.optmem_max, the instruction, and how many of it the kernel took (measured on 6.18). */
describe('convertedLength', () => {
  it.each<[string, number, Instruction, number]>([
    ['jeq with one way on', 20_480, jump(BPF.JMP | BPF.JEQ, 1, 1, 0), 2527],
    ['jeq with two ways on', 20_480, jump(BPF.JMP | BPF.JEQ, 1, 1, 2), 1264],
    ['jgt with a large constant', 20_480, jump(BPF.JMP | BPF.JGT, 0x8000_0000, 1, 2), 844],
    ['ldh [0]', 20_480, statement(BPF.LD | BPF.H | BPF.ABS, 0), 196],
    ['ldh [x + 0]', 20_480, statement(BPF.LD | BPF.H | BPF.IND, 0), 318],
    ['ldh [0]', 131_072, statement(BPF.LD | BPF.H | BPF.ABS, 0), 1259],
    ['ldh [x + 0]', 131_072, statement(BPF.LD | BPF.H | BPF.IND, 0), 2046],
  ])('tells how many %s fit into %s bytes', (_, limitBytes, instruction, accepted) => {
    const bytesOf = (count: number) =>
      8 * convertedLength([...Array.from({ length: count - 1 }, () => instruction), statement(BPF.RET, 1)]);
    expect(bytesOf(accepted)).toBeLessThan(limitBytes);
    // Within one per cent: the rest is the header of `struct bpf_prog`.
    expect(bytesOf(Math.ceil(accepted * 1.02) + 1)).toBeGreaterThanOrEqual(limitBytes);
  });
});

it('tells at once what no instruction exceeds', () => {
  const operands = [0, 1, 15, 0x7fff, 0x8000, 0x8000_0000, SKF_AD_OFF + Ancillary.IFINDEX];
  for (let code = 0; code <= 0xff; code++) {
    for (const k of operands) {
      const program = [statement(BPF.ST, 0), { code, jt: 0, jf: 1, k }, statement(BPF.RET), statement(BPF.RET)];
      if (checkProgram(program) !== undefined) continue;
      expect(convertedLength(program)).toBeLessThanOrEqual(greatestConvertedLength(program));
    }
  }
});
