import { describe, expect, it } from 'vitest';
import { jump, type Program, statement } from '../instruction.js';
import { BPF, SKF_AD_OFF } from '../opcodes.js';
import { checkProgram } from './check.js';
import type { CheckRule } from './check-fault.js';

const ret = statement(BPF.RET | BPF.K, 1);
const load = statement(BPF.LD | BPF.MEM, 0);
const store = statement(BPF.ST, 0);
const branch = (jt: number, jf: number) => jump(BPF.JMP | BPF.JEQ, 1, jt, jf);
const go = (skip: number) => statement(BPF.JMP | BPF.JA, skip);
const absolute = (k: number) => statement(BPF.LD | BPF.W | BPF.ABS, k);
const repeat = (count: number) => Array.from({ length: count }, () => ret);

describe('checkProgram', () => {
  it.each<[string, Program, CheckRule, number]>([
    ['an empty program', [], 'program-length', 0],
    ['4,097 instructions', repeat(4097), 'program-length', 4096],
    ['ret x', [statement(BPF.RET | BPF.X), ret], 'unknown-opcode', 0],
    ['a code that is valid in its low byte only', [statement(0x106), ret], 'unknown-opcode', 0],
    ['ldx of a half word', [statement(BPF.LDX | BPF.H | BPF.MSH), ret], 'unknown-opcode', 0],
    ['a division by 0', [statement(BPF.ALU | BPF.DIV, 0), ret], 'division-by-zero', 0],
    ['a remainder by 0', [statement(BPF.ALU | BPF.MOD, 0), ret], 'division-by-zero', 0],
    ['a shift by 32', [statement(BPF.ALU | BPF.LSH, 32), ret], 'shift-too-far', 0],
    ['M[16]', [statement(BPF.ST, 16), ret], 'memory-index', 0],
    ['ja to the end', [go(1), ret], 'jump-target', 0],
    ['ja backwards', [ret, go(0xffff_fffe), ret], 'jump-target', 1],
    ['jt past the end', [branch(1, 0), ret], 'branch-target', 0],
    ['jf past the end', [branch(0, 1), ret], 'branch-target', 0],
    ['metadata at an odd offset', [absolute(SKF_AD_OFF + 2), ret], 'ancillary-unknown', 0],
    ['metadata after the last', [absolute(SKF_AD_OFF + 64), ret], 'ancillary-unknown', 0],
    ['the last offset of all', [absolute(0xffff_ffff), ret], 'ancillary-unknown', 0],
    ['an end without ret', [ret, store], 'last-instruction', 1],
    ['M[] read before a store', [load, ret], 'memory-uninitialised', 0],
    ['a store on one of two ways', [branch(0, 1), store, load, ret], 'memory-uninitialised', 2],
    // A quirk of the linear pass, found on a running kernel.
    ['M[] read in dead code behind a ret', [ret, load, ret], 'memory-uninitialised', 1],
    ['a fault before a worse one', [statement(BPF.ST, 16), statement(0xff), ret], 'memory-index', 0],
  ])('refuses %s', (_, program, rule, instruction) => {
    expect(checkProgram(program)).toMatchObject({ rule, instruction });
  });

  it.each<[string, Program]>([
    ['4,096 instructions', repeat(4096)],
    ['ret a', [statement(BPF.RET | BPF.A)]],
    ['dead code', [ret, ret]],
    ['a shift by X, whatever it is', [statement(BPF.ALU | BPF.LSH | BPF.X), ret]],
    ['ja to the last instruction', [go(0), ret]],
    ['an indirect load at a metadata offset', [statement(BPF.LD | BPF.W | BPF.IND, SKF_AD_OFF + 2), ret]],
    ['a load relative to the network header', [absolute(0xfff0_0000), ret]],
    ['metadata with any size', [statement(BPF.LD | BPF.B | BPF.ABS, SKF_AD_OFF + 48), ret]],
    ['stores on both ways', [branch(0, 2), store, go(1), store, load, ret]],
    ['M[] read behind a jump that nobody lands on', [go(1), load, ret]],
    ['M[] read in dead code behind a ret that follows a store', [store, ret, load, ret]],
  ])('takes %s', (_, program) => {
    expect(checkProgram(program)).toBeUndefined();
  });
});
