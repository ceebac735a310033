import { BPF, type Instruction, jump, type Program, statement } from '@bpfleet/bpf';
import { describe, expect, it } from 'vitest';
import { whole } from '../packets/packets.js';
import { answerWithoutMissing } from './left-out.js';
import type { End } from './ways.js';

const [ldb, ldh] = [BPF.B, BPF.H].map((size) => (k: number) => statement(BPF.LD | size | BPF.ABS, k)) as [Load, Load];
type Load = (k: number) => Instruction;
const ldbx = (k: number) => statement(BPF.LD | BPF.B | BPF.IND, k);
const msh = (k: number) => statement(BPF.LDX | BPF.B | BPF.MSH, k);
const jeq = (k: number, jt: number, jf: number) => jump(BPF.JMP | BPF.JEQ, k, jt, jf);
const jge = (k: number, jt: number, jf: number) => jump(BPF.JMP | BPF.JGE, k, jt, jf);
const jset = (k: number, jt: number, jf: number) => jump(BPF.JMP | BPF.JSET, k, jt, jf);
const and = (k: number) => statement(BPF.ALU | BPF.AND, k);
const sub = (k: number) => statement(BPF.ALU | BPF.SUB, k);
const [store, fetch, fetchX] = [BPF.ST, BPF.LD | BPF.MEM, BPF.LDX | BPF.MEM].map(
  (code) => (k: number) => statement(code, k),
) as [Load, Load, Load];
const [accept, reject] = [statement(BPF.RET, 1), statement(BPF.RET, 0)];

/** On a packet of four bytes: 0, 1, 2, 3. */
const answerOf = (...plain: Program): End =>
  answerWithoutMissing({ plain, optimised: plain }, whole(Uint8Array.of(0, 1, 2, 3)));

describe('answerWithoutMissing', () => {
  it.each<[string, Program, End]>([
    ['nothing is missing', [ldb(1), jeq(1, 0, 1), accept, reject], 1],
    ['the missing byte decides', [ldb(9), jeq(1, 0, 1), accept, reject], 'unproven'],
    ['both of its answers lead to one end', [ldb(9), jeq(1, 0, 0), accept], 1],
    ['the same is asked again, and answered alike', [ldb(9), jeq(1, 2, 0), ldb(9), jeq(1, 1, 0), accept, reject], 1],
    ['“A or not A”, of what an address says', [ldb(9), jge(5, 2, 0), ldb(9), jge(6, 1, 0), accept, reject], 1],
    [
      'the second question is about another byte',
      [ldb(9), jeq(1, 2, 0), ldb(8), jeq(1, 1, 0), accept, reject],
      'unproven',
    ],
    ['the size of the byte alone answers', [ldb(9), jge(0x100, 0, 1), reject, accept], 'unproven'],
    ['the size answers a second question', [ldb(9), jeq(1, 3, 0), ldb(9), jge(0x100, 0, 1), reject, accept], 1],
    ['bits of it were asked for', [ldb(9), jset(4, 3, 0), ldb(9), and(0xc), jeq(4, 1, 0), accept, reject], 1],
    ['no bit of it is asked for', [ldb(9), and(0), jeq(0, 0, 1), accept, reject], 1],
    [
      'a comparison is written as a subtraction',
      [ldb(9), sub(7), jeq(0, 2, 0), ldb(9), jeq(7, 1, 0), accept, reject],
      1,
    ],
    ['a load reaches out of the packet', [ldh(3), jeq(1, 0, 0), accept], 1],
    ['a place depends on it', [msh(9), ldbx(0), jeq(1, 0, 0), accept], 1],
    ['it is returned', [ldb(9), statement(BPF.RET | BPF.A)], 'unproven'],
    [
      'something is divided by it',
      [ldb(9), statement(BPF.MISC | BPF.TAX), ldb(0), statement(BPF.ALU | BPF.DIV | BPF.X), accept],
      'unproven',
    ],
    ['it is divided by 0', [ldb(9), statement(BPF.ALU | BPF.DIV, 0), accept], 'unproven'],
    ['it is divided', [ldb(9), statement(BPF.ALU | BPF.DIV, 2), jeq(1, 0, 0), accept], 1],
    [
      'it was kept in M[]',
      [ldb(9), store(3), ldb(0), fetch(3), jeq(1, 2, 0), fetch(3), jeq(1, 1, 0), accept, reject],
      1,
    ],
    ['only behind it a word is read that nothing stored', [ldb(9), jeq(1, 0, 1), fetch(3), accept], 'unset'],
    [
      'two answers, and a word without a meaning',
      [ldb(9), jeq(1, 0, 3), ldb(8), jeq(1, 0, 2), fetchX(3), accept, reject],
      'unproven',
    ],
    ['a loop goes on and on', [ldb(9), statement(BPF.JMP | BPF.JA, -2), accept], 'long chain'],
  ])('%s', (_, program, expected) => {
    expect(answerOf(...program)).toBe(expected);
  });

  it('takes two names of one place for one number', () => {
    // [x + 5] with x = 4, and [9].
    const x = [statement(BPF.LDX | BPF.IMM, 4), ldbx(5)];
    expect(answerOf(...x, jeq(1, 2, 0), ldb(9), jeq(1, 1, 0), accept, reject)).toBe(1);
  });
  describe('knows a number again', () => {
    // [x + 5] with x = 4 is [9]. Another missing byte between makes it forget what is not read again.
    const [set4, byX, other] = [statement(BPF.LDX | BPF.IMM, 4), ldbx(5), [ldb(8), jeq(1, 0, 0)]];
    it('that was read at a constant place between', () => {
      const first = [set4, byX, jeq(1, 7, 0), ldb(9), jeq(2, 5, 0)];
      expect(answerOf(...first, ...other, byX, jeq(1, 0, 1), reject, accept)).toBe(1);
    });
    it('that an answer followed from between', () => {
      const first = [set4, byX, jeq(1, 7, 0), ldb(9), jeq(1, 4, 0)];
      expect(answerOf(...first, ...other, ldb(9), jeq(1, 0, 1), reject, accept)).toBe(1);
    });
  });
  it('turns a comparison round whose left side is known', () => {
    // 5 > x, then not x >= 5.
    const x = [ldb(9), statement(BPF.MISC | BPF.TAX), statement(BPF.LD | BPF.IMM, 5)];
    const isBelow = jump(BPF.JMP | BPF.JGT | BPF.X, 0, 2, 0);
    expect(answerOf(...x, isBelow, ldb(9), jge(5, 0, 1), accept, reject)).toBe(1);
    expect(answerOf(...x, isBelow, ldb(9), jge(6, 0, 1), accept, reject)).toBe('unproven');
  });
});
