import { BPF, type Instruction, jump, type Program, statement } from '@bpfleet/bpf';
import type { Random } from '../random.js';

const TESTS = [BPF.JEQ, BPF.JEQ, BPF.JGT, BPF.JGE, BPF.JSET] as const;

/**
 * Divides a few bits of the packet by what is close to the least or greatest number that they can be, and asks for what is
 * close to the least or greatest result: where a calculation with ranges is wrong by one, some answer is wrong.
 */
export function borderProgram(random: Random): Program {
  const dividend = someBits(random);
  const near = (number: number) => Math.max(1, number + random.of([-1, 0, 0, 1]));
  const operation = random.of([BPF.MOD, BPF.MOD, BPF.DIV]);
  const divisor = near(random.of([dividend.low, dividend.high, dividend.high, 1 + random.below(dividend.high + 1)]));
  const [least, greatest] =
    operation === BPF.MOD
      ? [0, Math.min(dividend.high, divisor - 1)]
      : [Math.floor(dividend.low / divisor), Math.floor(dividend.high / divisor)];
  const asked = Math.max(
    0,
    random.of([0, 0, least, greatest, greatest, dividend.low, dividend.high]) + random.of([-1, 0, 0, 1]),
  );
  const [yes, no] = random.chance(50) ? [1, 0] : [0, 1];
  return [
    ...dividend.code,
    ...divided(random, operation, divisor),
    jump(BPF.JMP | random.of(TESTS) | BPF.K, asked, 0, 1),
    statement(BPF.RET | BPF.K, yes),
    statement(BPF.RET | BPF.K, no),
  ];
}

/** By a number, or by the same in X, or by a few bits that reach it. */
function divided(random: Random, operation: number, divisor: number): readonly Instruction[] {
  const byX = statement(BPF.ALU | operation | BPF.X);
  switch (random.below(4)) {
    case 0:
      return [statement(BPF.LDX | BPF.IMM, divisor), byX];
    case 1: {
      // Divisors from this one on: some bits more.
      const { code } = someBits(random, divisor);
      const [keep, back] = [statement(BPF.ST, 0), statement(BPF.LD | BPF.MEM, 0)];
      return [keep, ...code, statement(BPF.MISC | BPF.TAX), back, byX];
    }
    default:
      return [statement(BPF.ALU | operation | BPF.K, divisor)];
  }
}

/** One to eight bits of a byte, behind a number that is added or set. */
function someBits(random: Random, low = random.of([0, 0, 1, 2, 16, 64, 256])) {
  const mask = random.of([1, 3, 7, 0xf, 0xf, 0x1f, 0xff]);
  const isFree = (low & mask) === 0;
  const code = [
    statement(BPF.LD | BPF.B | BPF.ABS, random.below(60)),
    statement(BPF.ALU | BPF.AND | BPF.K, mask),
    ...(low > 0 ? [statement(BPF.ALU | (isFree && random.chance(50) ? BPF.OR : BPF.ADD) | BPF.K, low)] : []),
  ];
  return { code, low, high: low + mask };
}
