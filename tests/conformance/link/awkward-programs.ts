import { BPF, type Instruction, type Program, statement } from '@bpfleet/bpf';
import type { Random } from '../random.js';

/**
 * A program full of what ends a classic program with "no" other than by `ret #0`, on values that mostly get past it: offsets
 * before X, divisions by X, header lengths with A in use, all words of M[], and at the end `ret a` of a few bits.
 */
export function awkwardProgram(random: Random): Program {
  const steps = Array.from({ length: 1 + random.below(4) }, () => random.of(STEPS)(random));
  const words = Array.from({ length: 16 }, (_, word) => statement(BPF.ST, word));
  const sum = words.flatMap(({ k }) => [statement(BPF.LDX | BPF.MEM, k), statement(BPF.ALU | BPF.ADD | BPF.X)]);
  const usesAll = random.chance(40);
  const end = [statement(BPF.ALU | BPF.AND | BPF.K, random.of([1, 3, 7, 15])), statement(BPF.RET | BPF.A)];
  const first = random.chance(70) ? [loadByte(random)] : [];
  const body = usesAll ? [...words, ...steps.flat(), ...sum] : [statement(BPF.ST, 0), ...steps.flat()];
  return [...first, ...body, ...invert(random), ...end];
}

const STEPS: readonly ((random: Random) => readonly Instruction[])[] = [
  // X is a few bits of the packet, and k is before it or behind, also behind all that was loaded.
  (random) => [
    loadByte(random),
    statement(BPF.ALU | BPF.AND | BPF.K, random.of([0xf, 0x1f])),
    statement(BPF.MISC | BPF.TAX),
    statement(
      BPF.LD | random.of([BPF.B, BPF.H, BPF.W]) | BPF.IND,
      random.of([random.below(30) - 15, random.below(60)]),
    ),
    ...(random.chance(50) ? [statement(BPF.ALU | BPF.ADD | BPF.X)] : []),
  ],
  // X is anything that a word can be, less what brings it near the packet's start.
  (random) => [
    statement(BPF.LD | BPF.W | BPF.ABS, random.below(20)),
    statement(BPF.ALU | BPF.OR | BPF.K, 0xffff_ff00),
    statement(BPF.MISC | BPF.TAX),
    statement(BPF.LD | BPF.B | BPF.IND, 1 + random.below(280)),
    ...(random.chance(50) ? [statement(BPF.ALU | BPF.ADD | BPF.X)] : []),
  ],
  (random) => [
    loadByte(random),
    statement(BPF.ALU | BPF.AND | BPF.K, random.of([1, 3, 0xff])),
    statement(BPF.MISC | BPF.TAX),
    statement(BPF.LD | random.of([BPF.B, BPF.W]) | BPF.ABS, random.below(30)),
    statement(BPF.ALU | random.of([BPF.DIV, BPF.MOD]) | BPF.X),
  ],
  (random) => [statement(BPF.LDX | BPF.B | BPF.MSH, random.below(40)), statement(BPF.ALU | BPF.ADD | BPF.X)],
  () => [statement(BPF.LDX | BPF.MEM, 0), statement(BPF.ALU | BPF.ADD | BPF.X), statement(BPF.ST, 0)],
];

function loadByte(random: Random): Instruction {
  return statement(BPF.LD | BPF.B | BPF.ABS, random.below(random.of([4, 40])));
}

/** Bytes are mostly 0, so `ret a` would be mostly "no" without, and mostly something with it. */
function invert(random: Random): readonly Instruction[] {
  return random.chance(30) ? [statement(BPF.ALU | BPF.XOR | BPF.K, 0xffff_ffff)] : [];
}
