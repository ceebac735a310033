import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkProgram } from '../check/check.js';
import { type Instruction, jump, type Program, statement } from '../instruction.js';
import { BPF, SKF_AD_OFF, SKF_LL_OFF, SKF_NET_OFF } from '../opcodes.js';
import { interpret, UNDECIDED } from './interpret.js';
import type { Packet, PacketMetadata } from './packet.js';

const returnA = statement(BPF.RET | BPF.A);
const aBecomes = (k: number) => statement(BPF.LD | BPF.IMM, k);
const xBecomes = (k: number) => statement(BPF.LDX | BPF.IMM, k);
const absolute = (size: number, k: number) => statement(BPF.LD | size | BPF.ABS, k);
const indirect = (size: number, k: number) => statement(BPF.LD | size | BPF.IND, k);

/** Bytes 0x10, 0x11, … behind three bytes of another packet. */
function packetOf(capturedLength: number, wireLength = capturedLength, metadata?: PacketMetadata): Packet {
  const bytes = Uint8Array.from({ length: capturedLength + 8 }, (_, index) => 0x10 + index - 3);
  return { bytes, start: 3, capturedLength, wireLength, ...(metadata && { metadata }) };
}
const metadata: PacketMetadata = {
  protocol: 0x0800,
  packetType: 4,
  interfaceIndex: 7,
  vlanTagPresent: true,
  vlanTci: 0xe00a,
  vlanProtocol: 0x8100,
  networkOffset: 2,
};

describe('interpret: loads', () => {
  it.each<[string, Program, number]>([
    ['reads a byte', [absolute(BPF.B, 1), returnA], 0x11],
    ['reads a half word in network order', [absolute(BPF.H, 1), returnA], 0x1112],
    ['reads a word in network order', [absolute(BPF.W, 4), returnA], 0x1415_1617],
    ['says no to a load behind the end', [absolute(BPF.B, 8), returnA], 0],
    ['says no to a load partly behind the end', [absolute(BPF.W, 5), returnA], 0],
    ['adds X to the offset', [xBecomes(2), indirect(BPF.B, 3), returnA], 0x15],
    ['adds X modulo 2^32', [xBecomes(0xffff_ffff), indirect(BPF.B, 1), returnA], 0x10],
    ['takes a sum of 2^31 as outside', [xBecomes(0x8000_0000), indirect(BPF.B, 0), returnA], 0],
    ['takes metadata offsets in an indirect load as outside', [xBecomes(0), indirect(BPF.B, SKF_AD_OFF), returnA], 0],
    ['counts from the link header', [absolute(BPF.B, SKF_LL_OFF + 1), returnA], 0x11],
    ['has X = 4 * (byte & 0xf) and keeps A', [aBecomes(9), statement(BPF.LDX | BPF.B | BPF.MSH, 3), returnA], 9],
    [
      'fills X from the header length',
      [statement(BPF.LDX | BPF.B | BPF.MSH, 3), statement(BPF.MISC | BPF.TXA), returnA],
      12,
    ],
    ['says no to a header length behind the end', [statement(BPF.LDX | BPF.B | BPF.MSH, 8), statement(BPF.RET, 5)], 0],
  ])('%s', (_, program, verdict) => {
    expect(interpret(program, packetOf(8))).toBe(verdict);
  });

  it('counts len in bytes on the wire', () => {
    expect(interpret([statement(BPF.LD | BPF.LEN), returnA], packetOf(8, 1500))).toBe(1500);
    expect(interpret([statement(BPF.LDX | BPF.LEN), statement(BPF.MISC | BPF.TXA), returnA], packetOf(8, 1500))).toBe(
      1500,
    );
  });

  it.each<[string, Instruction, number]>([
    ['inside what was captured decides', absolute(BPF.W, 4), 0x1415_1617],
    ['of cut bytes is undecided', absolute(BPF.W, 5), UNDECIDED],
    ['of the last cut byte is undecided', absolute(BPF.B, 19), UNDECIDED],
    ['behind the wire length says no', absolute(BPF.H, 19), 0],
    ['of a cut header length is undecided', statement(BPF.LDX | BPF.B | BPF.MSH, 8), UNDECIDED],
  ])('of a cut packet: a load %s', (_, load, verdict) => {
    expect(interpret([load, returnA], packetOf(8, 20))).toBe(verdict);
  });

  it.each<[string, number, number]>([
    ['protocol', 0, 0x0800],
    ['packet type', 4, 4],
    ['interface', 8, 7],
    ['tag', 44, 0xe00a],
    ['whether there is a tag', 48, 1],
    ['tag protocol', 60, 0x8100],
    ['a mark nobody kept', 20, UNDECIDED],
  ])('reads metadata: %s', (_, offset, expected) => {
    expect(interpret([absolute(BPF.B, SKF_AD_OFF + offset), returnA], packetOf(8, 8, metadata))).toBe(expected);
  });
  it('reads A xor X at its metadata offset', () => {
    expect(interpret([aBecomes(6), xBecomes(5), absolute(BPF.W, SKF_AD_OFF + 40), returnA], packetOf(1))).toBe(3);
  });
  it('treats a packet without metadata as one without device and tag', () => {
    expect(interpret([absolute(BPF.W, SKF_AD_OFF + 8), statement(BPF.RET, 5)], packetOf(8))).toBe(0);
    expect(interpret([absolute(BPF.W, SKF_AD_OFF + 48), returnA], packetOf(8))).toBe(0);
  });
  it('counts from the network header where it is known', () => {
    expect(interpret([absolute(BPF.B, SKF_NET_OFF + 1), returnA], packetOf(8, 8, metadata))).toBe(0x13);
    expect(interpret([absolute(BPF.B, SKF_NET_OFF + 1), returnA], packetOf(8))).toBe(0);
  });
});

describe('interpret: arithmetic', () => {
  const TOP = 0x8000_0000;
  it.each<[string, number, number, number, number]>([
    ['add wraps', BPF.ADD, 0xffff_ffff, 2, 1],
    ['sub wraps', BPF.SUB, 1, 2, 0xffff_ffff],
    ['mul keeps the low 32 bits', BPF.MUL, 0xffff_ffff, 0xffff_fffe, 2],
    ['div is unsigned', BPF.DIV, TOP, 3, 0x2aaa_aaaa],
    ['div by X = 0 says no', BPF.DIV, 5, 0, 0],
    ['mod is unsigned', BPF.MOD, 0xffff_ffff, 10, 5],
    ['mod by X = 0 says no', BPF.MOD, 5, 0, 0],
    ['and', BPF.AND, 0xffff_ffff, TOP, TOP],
    ['or', BPF.OR, TOP, 1, 0x8000_0001],
    ['xor', BPF.XOR, TOP, 0xffff_ffff, 0x7fff_ffff],
    ['lsh drops the top', BPF.LSH, 0xffff_ffff, 31, TOP],
    ['rsh is unsigned', BPF.RSH, TOP, 31, 1],
    ['shifts by X use its low five bits, as the kernel', BPF.LSH, 1, 33, 2],
    ['neg', BPF.NEG, 1, 0, 0xffff_ffff],
  ])('%s', (_, operation, a, operand, expected) => {
    const byX = [aBecomes(a), xBecomes(operand), statement(BPF.ALU | operation | BPF.X), returnA];
    expect(interpret(byX, packetOf(1))).toBe(expected);
    const byK = [aBecomes(a), statement(BPF.ALU | operation | BPF.K, operand), returnA];
    expect(interpret(byK, packetOf(1))).toBe(expected);
  });

  it.each<[string, number, number, number, boolean]>([
    ['jeq', BPF.JEQ, 5, 5, true],
    ['jgt is unsigned', BPF.JGT, TOP, 1, true],
    ['jgt is false for equals', BPF.JGT, 5, 5, false],
    ['jge is true for equals', BPF.JGE, TOP, TOP, true],
    ['jset sees the top bit', BPF.JSET, 0xffff_ffff, TOP, true],
    ['jset without a common bit', BPF.JSET, 6, 9, false],
  ])('%s', (_, test, a, operand, expected) => {
    const tail = [statement(BPF.RET, 0), statement(BPF.RET, 1)];
    const byK = [aBecomes(a), jump(BPF.JMP | test, operand, 1, 0), ...tail];
    const byX = [aBecomes(a), xBecomes(operand), jump(BPF.JMP | test | BPF.X, 0, 1, 0), ...tail];
    expect([interpret(byK, packetOf(1)), interpret(byX, packetOf(1))]).toEqual(expected ? [1, 1] : [0, 0]);
  });

  it('keeps sixteen words in M[]', () => {
    const program = [
      aBecomes(7),
      statement(BPF.ST, 15),
      xBecomes(8),
      statement(BPF.STX, 0),
      aBecomes(0),
      statement(BPF.LDX | BPF.MEM, 15),
      statement(BPF.LD | BPF.MEM, 0),
      statement(BPF.ALU | BPF.ADD | BPF.X),
      returnA,
    ];
    expect(interpret(program, packetOf(1))).toBe(15);
  });
  it('has 0 in A and X at the start', () => {
    expect(interpret([statement(BPF.ALU | BPF.ADD | BPF.X), statement(BPF.MISC | BPF.TAX), returnA], packetOf(1))).toBe(
      0,
    );
  });
});

describe('interpret: programs the checker refuses', () => {
  it.each<[string, Program]>([
    ['no return', [aBecomes(1)]],
    ['a backward jump', [statement(BPF.JMP | BPF.JA, 0xffff_ffff), returnA]],
    ['an opcode nobody knows', [statement(0xff), returnA]],
    ['a return of X', [statement(BPF.RET | BPF.X), returnA]],
    ['a load in a class of its own', [statement(0x81 | 0x08), returnA]],
  ])('ends %s with an error', (_, program) => {
    expect(() => interpret(program, packetOf(4))).toThrowError(expect.objectContaining({ code: 'PROGRAM_INVALID' }));
  });

  it('never throws nor hangs on a program the checker takes', () => {
    const anyProgram = fc.array(
      fc.record({
        code: fc.integer({ min: 0, max: 0xb1 }),
        jt: fc.integer({ min: 0, max: 3 }),
        jf: fc.integer({ min: 0, max: 3 }),
        k: fc.oneof(fc.integer({ min: 0, max: 16 }), fc.integer({ min: 0, max: 0xffff_ffff })),
      }),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(anyProgram, fc.nat(20), fc.nat(20), (body, capturedLength, cut) => {
        const program = [...body, returnA];
        fc.pre(checkProgram(program) === undefined);
        const verdict = interpret(program, packetOf(capturedLength, capturedLength + cut, metadata));
        expect(verdict === UNDECIDED || verdict === verdict >>> 0).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
