import { BpfleetError } from '@bpfleet/errors';
import { describe, expect, it } from 'vitest';
import { randomValidProgram } from '../../../../tests/conformance/machines/random-program.js';
import { Random, seedOfRun } from '../../../../tests/conformance/random.js';
import { assemble } from './assemble.js';
import { toTuples } from './encode.js';
import { formatProgram } from './format.js';
import { readProgram } from './read-program.js';

const seed = seedOfRun();
const AD = 0xffff_f000;

describe('assemble', () => {
  it('reads a program of the kernel’s documentation, with labels and comments', () => {
    const text = `
      /* ssh, from Documentation/networking/filter.rst */
      ldh [12]
      jne #0x800, drop
      ldb [23]
      jneq #6, drop      ; not TCP
      ldh [20]
      jset #0x1fff, drop
      ldxb 4 * ([14] & 0xf)
      ldh [x + 14]
      jeq #0x16, good, next
      next: ldh [x + 16]
      jne #0x16, drop
      good: ret #-1
      drop: ret #0`;
    expect(toTuples(assemble(text))).toEqual([
      [0x28, 0, 0, 12],
      [0x15, 0, 10, 0x800],
      [0x30, 0, 0, 23],
      [0x15, 0, 8, 6],
      [0x28, 0, 0, 20],
      [0x45, 6, 0, 0x1fff],
      [0xb1, 0, 0, 14],
      [0x48, 0, 0, 14],
      [0x15, 2, 0, 22],
      [0x48, 0, 0, 16],
      [0x15, 0, 1, 22],
      [0x06, 0, 0, 0xffff_ffff],
      [0x06, 0, 0, 0],
    ]);
  });

  it.each<[string, number, number]>([
    ['ld [4]', 0x20, 4],
    ['ld len', 0x80, 0],
    ['ld #len', 0x80, 0],
    ['ld #pktlen', 0x80, 0],
    ['ldx len', 0x81, 0],
    ['ld #5', 0x00, 5],
    ['ldi #5', 0x00, 5],
    ['ldx #0x10', 0x01, 16],
    ['ld M[3]', 0x60, 3],
    ['ldx M[3]', 0x61, 3],
    ['ldh [x + 2]', 0x48, 2],
    ['ldb [%x+2]', 0x50, 2],
    ['ldb [x - 2]', 0x50, 0xffff_fffe],
    ['ldb [x]', 0x50, 0],
    ['ldx 4*([14]&0xf)', 0xb1, 14],
    ['ldxb 4*([14]&0xf)', 0xb1, 14],
    ['ld proto', 0x20, AD],
    ['ld #vlan_tci', 0x20, AD + 44],
    ['ld vlan_avail', 0x20, AD + 48],
    ['ldb [vlanp]', 0x30, AD + 48],
    ['ld vlan_tpid', 0x20, AD + 60],
    ['ld type', 0x20, AD + 4],
    ['ld ifidx', 0x20, AD + 8],
    ['ld nla', 0x20, AD + 12],
    ['ld nlan', 0x20, AD + 16],
    ['ld mark', 0x20, AD + 20],
    ['ld queue', 0x20, AD + 24],
    ['ld hatype', 0x20, AD + 28],
    ['ld rxhash', 0x20, AD + 32],
    ['ld cpu', 0x20, AD + 36],
    ['ld poff', 0x20, AD + 52],
    ['ld rand', 0x20, AD + 56],
    ['ld [-4096]', 0x20, AD],
    ['st M[15]', 0x02, 15],
    ['stx M[1]', 0x03, 1],
    ['tax', 0x07, 0],
    ['txa', 0x87, 0],
    ['neg', 0x84, 0],
    ['add #1', 0x04, 1],
    ['sub x', 0x1c, 0],
    ['rsh #017', 0x74, 15],
    ['xor %x', 0xac, 0],
    ['ret a', 0x16, 0],
    ['ret', 0x16, 0],
    ['ret #4294967295', 0x06, 0xffff_ffff],
    ['l0: l1: ret %a', 0x16, 0],
    ['RET #1', 0x06, 1],
  ])('reads %s', (line, code, k) => {
    expect(toTuples(assemble(line))).toEqual([[code, 0, 0, k]]);
  });

  it.each<[string, string, string]>([
    ['an unknown operation', 'ldh [12]\n foo #1\nret #0', 'foo'],
    ['an unknown label', 'jeq #1, l1\nret #0', 'l1'],
    ['a label that stands twice', 'a1: ret #0\na1: ret #1', 'a1'],
    ['a branch backwards', 'a1: ldh [12]\njeq #1, a1\nret #0', 'a1'],
    ['a number of more than 32 bits', 'ret #4294967296', '#4294967296'],
    ['a load without operand', 'ret #1\nld', 'ld'],
    ['an operand too many', 'add #1, #2', '#2'],
    ['an operand that is none', 'ldh (12)', '(12)'],
    ['metadata nobody knows', 'ld colour', 'colour'],
    ['a half word of M[]', 'ldh M[1]', 'M[1]'],
    ['a store of a constant', 'st #1', '#1'],
    ['a branch without target', 'jeq #1', 'jeq'],
    ['an opcode that a listing could not print', '(000) unimp    0x55', '0x55'],
    ['a listing that lacks a line', '(000) ldh [12]\n(002) ret a', '(002)'],
    ['a listing that begins later', '(001) ret a', '(001)'],
  ])('refuses %s, and says where', (_, text, place) => {
    const start = text.lastIndexOf(place);
    try {
      assemble(text);
      expect.fail('it was read');
    } catch (error) {
      expect(error).toBeInstanceOf(BpfleetError);
      expect((error as BpfleetError).code).toBe('PROGRAM_INVALID');
      expect((error as BpfleetError).span).toEqual({ start, end: start + place.length });
    }
  });

  it(`reads back what a listing prints (BPFLEET_TEST_SEED=${seed})`, () => {
    const random = new Random(seed);
    for (let round = 0; round < 1000; round++) {
      const listing = formatProgram(randomValidProgram(random, { ancillary: true }), 'd');
      expect(listing).not.toContain('unimp');
      expect(formatProgram(assemble(listing), 'd')).toBe(listing);
    }
  });
});

describe('readProgram', () => {
  it(`reads each form of a program (BPFLEET_TEST_SEED=${seed})`, () => {
    const random = new Random(seed);
    for (let round = 0; round < 300; round++) {
      const program = randomValidProgram(random, { ancillary: true });
      const tuples = toTuples(program);
      const forms = [
        formatProgram(program, 'dd'),
        `\n${formatProgram(program, 'dd')}\n`,
        formatProgram(program, 'ddd'),
        `${formatProgram(program, 'ddd')}\n`.replaceAll('\n', ','),
        JSON.stringify(tuples),
        JSON.stringify({ id: 1, program: tuples }, null, 1),
      ];
      for (const form of forms) expect(toTuples(readProgram(form))).toEqual(tuples);
    }
  });

  it('reads a listing and bpf_asm', () => {
    expect(
      toTuples(
        readProgram(
          '(000) ldh      [12]\n(001) jeq      #0x800           jt 2\tjf 3\n(002) ret      #1\n(003) ret      #0\n',
        ),
      ),
    ).toEqual([
      [0x28, 0, 0, 12],
      [0x15, 0, 1, 0x800],
      [6, 0, 0, 1],
      [6, 0, 0, 0],
    ]);
    expect(toTuples(readProgram('ja end\nend: ret #1'))).toEqual([
      [5, 0, 0, 0],
      [6, 0, 0, 1],
    ]);
  });

  it.each<[string, string]>([
    ['nothing', ' \n'],
    ['JSON that is cut', '[[6,0,0,1]'],
    ['JSON of something else', '{"verdicts":[1]}'],
    ['JSON with a text as number', '[["6",0,0,1]]'],
    ['a C initialiser with a field too few', '{ 0x6, 0, 0 },'],
    ['C initialisers with something between', '{ 0x6, 0, 0, 1 }, hello { 0x6, 0, 0, 1 }'],
    ['a jump field above 255', '{ 0x15, 256, 0, 1 },'],
    ['a count that is wrong', '3\n6 0 0 0'],
    ['prose', 'what a nice day'],
  ])('refuses %s', (_, text) => {
    expect(() => readProgram(text)).toThrowError(expect.objectContaining({ code: 'PROGRAM_INVALID' }));
  });

  it.each(['constructor', '[[', '{', '((((', 'ldh [', 'jeq #1,', ':', 'l1:', '{0', '(000)'])(
    'answers %s with an error or a program, never otherwise',
    (text) => {
      try {
        expect(Array.isArray(readProgram(text))).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(BpfleetError);
      }
    },
  );
});
