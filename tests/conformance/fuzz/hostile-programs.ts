import { BPF, type Instruction, jump, type Program, statement } from '@bpfleet/bpf';
import type { Random } from '../random.js';

/** One way to be unkind to who reads programs. */
export interface HostileProgram {
  readonly name: string;
  /** A program that the kernel takes, of about so many instructions and never more. */
  readonly write: (instructions: number, random: Random) => Program;
}

const SIZES = [BPF.B, BPF.H, BPF.W] as const;
const ldb = (k: number) => statement(BPF.LD | BPF.B | BPF.ABS, k);
const ldh = (k: number) => statement(BPF.LD | BPF.H | BPF.ABS, k);
const ld = (k: number) => statement(BPF.LD | BPF.W | BPF.ABS, k);
const anyLoad = (random: Random) => statement(BPF.LD | random.of(SIZES) | BPF.ABS, random.below(80));
const msh = (k: number) => statement(BPF.LDX | BPF.B | BPF.MSH, k);
const and = (k: number) => statement(BPF.ALU | BPF.AND | BPF.K, k);
const tax = statement(BPF.MISC | BPF.TAX);
const ret = (k: number) => statement(BPF.RET | BPF.K, k);
const retA = statement(BPF.RET | BPF.A);
const jeq = (k: number, jt: number, jf: number) => jump(BPF.JMP | BPF.JEQ | BPF.K, k, jt, jf);
const jset = (k: number, jt: number, jf: number) => jump(BPF.JMP | BPF.JSET | BPF.K, k, jt, jf);
const anyJump = (k: number, jt: number, jf: number, random: Random) =>
  jump(BPF.JMP | random.of([BPF.JEQ, BPF.JGT, BPF.JGE, BPF.JSET]) | BPF.K, k, jt, jf);
const byX = (operation: number) => statement(BPF.ALU | operation | BPF.X);
const MASKS = [0xf, 0xf0, 0xff, 0xfff, 0x1fff, 0xffff_0000];

/** The same piece with other numbers, one behind the other, as often as it fits; each ends in an answer or goes on. */
const listed =
  (piece: (random: Random) => Program, end: Program = [ret(0)], begin: Program = []) =>
  (instructions: number, random: Random): Program => {
    const program: Instruction[] = [...begin];
    for (;;) {
      const next = piece(random);
      if (program.length + next.length + end.length > instructions) return [...program, ...end];
      program.push(...next);
    }
  };

const word = (random: Random) => random.below(2 ** 32);
const half = (random: Random) => random.below(2 ** 16);

/** All of these, or the next piece. */
const allOf = (questions: readonly (readonly [Instruction, number])[]): Program =>
  questions.flatMap(([load, value], index) => [load, jeq(value, 0, 2 * (questions.length - index - 1) + 1)]);

const port = (random: Random): Program => [
  ...[ldh(12), jeq(0x800, 0, 8), ldb(23), jeq(6, 0, 6), ldh(20), jset(0x1fff, 4, 0)],
  ...[msh(14), statement(BPF.LD | BPF.H | BPF.IND, 16), jeq(half(random), 0, 1), ret(1)],
];
const ipv6Host = (random: Random): Program => [
  ...allOf([[ldh(12), 0x86dd], ...[22, 26, 30, 34].map((offset) => [ld(offset), word(random)] as const)]),
  ret(1),
];
const mac = (random: Random): Program => [
  ...allOf([
    [ld(random.of([2, 8])), word(random)],
    [ldh(random.of([0, 6])), half(random)],
  ]),
  ret(1),
];
const masked = (random: Random): Program => [
  ...[anyLoad(random), and(random.of(MASKS)), jeq(random.below(0x1000), 0, 1), ret(1)],
];
const tag = (random: Random): Program => {
  const offset = random.of([12, 16, 20]);
  return [
    ...[ldh(offset), jeq(0x8100, 2, 0), jeq(0x88a8, 1, 0), jeq(0x9100, 0, 4)],
    ...[ldh(offset + 2), and(0xfff), jeq(random.below(4096), 0, 1), ret(1)],
  ];
};
const behindHeader = (random: Random): Program => [
  ...[msh(random.below(40)), statement(BPF.LD | random.of(SIZES) | BPF.IND, random.below(40))],
  ...[anyJump(half(random), 0, 1, random), ret(1)],
];

/** Each answer adds another number to a sum: twice as many sums after each. */
const summed = (random: Random): Program => [
  ...[ldb(random.below(1400)), jeq(random.below(256), 0, 3), statement(BPF.LD | BPF.MEM)],
  ...[statement(BPF.ALU | BPF.ADD | BPF.K, random.below(2 ** 30)), statement(BPF.ST)],
];
/** Calculations whose operands are calculations. */
const squared = (random: Random): Program => [
  tax,
  byX(random.of([BPF.ADD, BPF.SUB, BPF.MUL, BPF.AND, BPF.OR, BPF.XOR])),
];
const inMemory = (random: Random): Program => {
  const [one, other] = [random.below(16), random.below(16)];
  return [
    ...[statement(BPF.LD | BPF.MEM, one), statement(BPF.LDX | BPF.MEM, other)],
    ...[byX(random.of([BPF.ADD, BPF.SUB, BPF.MUL, BPF.XOR])), statement(BPF.ST, one)],
    ...(random.chance(30) ? [anyJump(word(random), 0, 1, random), statement(BPF.ST, other)] : []),
  ];
};
const everyWord = Array.from({ length: 16 }, (_, index) => [ldb(index), statement(BPF.ST, index)]).flat();

/** Jumps from anywhere to anywhere behind. */
function tangled(instructions: number, random: Random): Program {
  const body = Array.from({ length: instructions - 2 }, (_, pc) => {
    const most = Math.min(250, instructions - pc - 2);
    const [jt, jf] = [random.below(most + 1), random.below(most + 1)];
    return pc % 2 === 0 ? ldb((pc / 2) % 60) : anyJump(random.below(256), jt, jf, random);
  });
  return [...body, ret(0), ret(1)];
}

/** Two ways beside each other that cross after each question. */
function crossing(instructions: number): Program {
  const body = Array.from({ length: instructions - 6 }, (_, pc) =>
    pc % 2 === 0 ? ldb(pc % 1500) : jeq(pc % 256, 1, 3),
  );
  return [...body, ret(0), ret(1), ret(0), ret(1), ret(0), ret(1)];
}

/** Each tries another part of who looks for an expression: ways through the program, calculations, terms, their proof. */
export const hostilePrograms: readonly HostileProgram[] = [
  { name: 'ports', write: listed(port) },
  { name: 'IPv6 hosts', write: listed(ipv6Host) },
  { name: 'MAC addresses', write: listed(mac) },
  { name: 'masked fields', write: listed(masked) },
  { name: 'tags', write: listed(tag) },
  { name: 'fields behind headers', write: listed(behindHeader) },
  { name: 'sums', write: listed(summed, [retA], [statement(BPF.LD | BPF.IMM), statement(BPF.ST)]) },
  { name: 'calculations', write: listed(squared, [retA], [ldb(0)]) },
  {
    name: 'loads at what was loaded',
    write: listed(() => [tax, statement(BPF.LD | BPF.B | BPF.IND, 1)], [retA], [ldb(0)]),
  },
  { name: 'words of memory', write: listed(inMemory, [retA], everyWord) },
  { name: 'tangled jumps', write: tangled },
  { name: 'crossing ways', write: crossing },
];
