import { describe, expect, it } from 'vitest';
import { jump, statement } from '../instruction.js';
import { BPF, SKF_AD_OFF } from '../opcodes.js';
import { formatInstruction, formatProgram } from './format.js';

const program = [
  statement(BPF.LD | BPF.H | BPF.ABS, 12),
  jump(BPF.JMP | BPF.JEQ, 0x0800, 0, 1),
  statement(BPF.RET | BPF.K, 262_144),
  statement(BPF.RET | BPF.K, 0),
];

describe('formatProgram', () => {
  it('prints what tcpdump -d ip prints', () => {
    expect(formatProgram(program, 'd').split('\n')).toEqual([
      '(000) ldh      [12]',
      '(001) jeq      #0x800           jt 2\tjf 3',
      '(002) ret      #262144',
      '(003) ret      #0',
    ]);
  });
  it('prints what tcpdump -dd ip prints', () => {
    expect(formatProgram(program, 'dd').split('\n')).toEqual([
      '{ 0x28, 0, 0, 0x0000000c },',
      '{ 0x15, 0, 1, 0x00000800 },',
      '{ 0x6, 0, 0, 0x00040000 },',
      '{ 0x6, 0, 0, 0x00000000 },',
    ]);
  });
  it('prints what tcpdump -ddd ip prints', () => {
    expect(formatProgram(program, 'ddd').split('\n')).toEqual([
      '4',
      '40 0 0 12',
      '21 0 1 2048',
      '6 0 0 262144',
      '6 0 0 0',
    ]);
  });
});

/** The right column is what bpf_image() of libpcap 1.10.3 gives for instruction 5 with jt 1, jf 2. */
describe('formatInstruction', () => {
  const BIG = 0x9000_0001;
  it.each<[number, number, string]>([
    [BPF.LD | BPF.IMM, BIG, 'ld       #0x90000001'],
    [BPF.LDX | BPF.IMM, BIG, 'ldx      #0x90000001'],
    [BPF.LD | BPF.W | BPF.ABS, 26, 'ld       [26]'],
    [BPF.LD | BPF.H | BPF.ABS, BIG, 'ldh      [-1879048191]'],
    [BPF.LD | BPF.B | BPF.ABS, SKF_AD_OFF + 48, 'ldb      [vlanp]'],
    [BPF.LD | BPF.W | BPF.ABS, SKF_AD_OFF + 60, 'ld       [vlan_tpid]'],
    [BPF.LD | BPF.W | BPF.ABS, SKF_AD_OFF + 2, 'ld       [-4094]'],
    [BPF.LD | BPF.W | BPF.ABS, SKF_AD_OFF + 64, 'ld       [-4032]'],
    [BPF.LD | BPF.H | BPF.IND, SKF_AD_OFF, 'ldh      [x + -4096]'],
    [BPF.LD | BPF.W | BPF.LEN, 0, 'ld       #pktlen'],
    [BPF.LDX | BPF.W | BPF.LEN, 0, 'ldx      #pktlen'],
    [BPF.LDX | BPF.B | BPF.MSH, 14, 'ldxb     4*([14]&0xf)'],
    [BPF.LD | BPF.MEM, 3, 'ld       M[3]'],
    [BPF.LDX | BPF.MEM, 3, 'ldx      M[3]'],
    [BPF.ST, 15, 'st       M[15]'],
    [BPF.STX, 15, 'stx      M[15]'],
    [BPF.ALU | BPF.ADD | BPF.K, BIG, 'add      #-1879048191'],
    [BPF.ALU | BPF.ADD | BPF.X, 0, 'add      x'],
    [BPF.ALU | BPF.MOD | BPF.K, 7, 'mod      #7'],
    [BPF.ALU | BPF.AND | BPF.K, 0xff, 'and      #0xff'],
    [BPF.ALU | BPF.XOR | BPF.K, 255, 'xor      #0xff'],
    [BPF.ALU | BPF.LSH | BPF.K, 4, 'lsh      #4'],
    [BPF.ALU | BPF.NEG, 0, 'neg      '],
    [BPF.MISC | BPF.TAX, 0, 'tax      '],
    [BPF.MISC | BPF.TXA, 0, 'txa      '],
    [BPF.JMP | BPF.JA, 3, 'ja       9'],
    [BPF.JMP | BPF.JA, 0xffff_fffc, 'ja       2'],
    [BPF.JMP | BPF.JEQ | BPF.X, 0, 'jeq      x                jt 7\tjf 8'],
    [BPF.JMP | BPF.JSET | BPF.K, 0x1fff, 'jset     #0x1fff          jt 7\tjf 8'],
    [BPF.JMP | 0x50, 0, 'unimp    0x55             jt 7\tjf 8'],
    [BPF.RET | BPF.K, 0xffff_ffff, 'ret      #-1'],
    [BPF.RET | BPF.A, 0, 'ret      '],
    [BPF.RET | BPF.X, 0, 'unimp    0xe'],
    [0x8000, 0, 'unimp    0x8000'],
  ])('prints opcode 0x%s as libpcap does', (code, k, expected) => {
    expect(formatInstruction({ code, jt: 1, jf: 2, k }, 5)).toBe(`(005) ${expected}`);
  });
});
