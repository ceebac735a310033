import { BPF, checkProgram, type Instruction, interpret, type Program, SKF_AD_OFF } from '@bpfleet/bpf';
import type { LinkForm } from '../link-types.js';
import type { Random } from '../random.js';
import { SteeredPackets } from './steered-packets.js';

/** Packets tried before a mutant counts as equal to the program it was made from. */
const TRIES = 300;

/** The program with one constant, one jump or one offset wrong, and a packet that shows it. */
export interface Mutant {
  readonly program: Program;
  readonly kind: 'constant' | 'jump' | 'offset';
  readonly instruction: number;
}

/** A mutant whose verdict differs for some packet; undefined where none was found after several attempts. */
export function mutantOf(program: Program, form: LinkForm, random: Random): Mutant | undefined {
  for (let attempt = 0; attempt < 20; attempt++) {
    const mutant = mutated(program, random);
    if (mutant === undefined || checkProgram(mutant.program) !== undefined) continue;
    if (differsSomewhere(program, mutant.program, form, random)) return mutant;
  }
  return undefined;
}

function mutated(program: Program, random: Random): Mutant | undefined {
  const at = random.below(program.length);
  const instruction = program[at] as Instruction;
  const changed = changedInstruction(instruction, program.length - at - 2, random);
  if (changed === undefined) return undefined;
  return { program: program.with(at, changed.instruction), kind: changed.kind, instruction: at };
}

function changedInstruction(
  { code, jt, jf, k }: Instruction,
  furthest: number,
  random: Random,
): { kind: Mutant['kind']; instruction: Instruction } | undefined {
  const near = (k + random.of([1, -1, 1, -1, 2, 4, 256])) >>> 0;
  if ((code & 0x07) === BPF.JMP && (code & 0xf0) !== BPF.JA) {
    const other = random.below(Math.min(furthest, 254) + 1);
    if (random.chance(50)) return { kind: 'constant', instruction: { code, jt, jf, k: near } };
    return { kind: 'jump', instruction: random.chance(50) ? { code, jt: other, jf, k } : { code, jt, jf: other, k } };
  }
  const isLoad = (code & 0x07) === BPF.LD || (code & 0x07) === BPF.LDX;
  const mode = code & 0xe0;
  if (isLoad && k < SKF_AD_OFF && (mode === BPF.ABS || mode === BPF.IND || mode === BPF.MSH)) {
    return { kind: 'offset', instruction: { code, jt, jf, k: near } };
  }
  const isConstant = (isLoad && mode === BPF.IMM) || ((code & 0x07) === BPF.ALU && !(code & BPF.X));
  return isConstant ? { kind: 'constant', instruction: { code, jt, jf, k: near } } : undefined;
}

function differsSomewhere(program: Program, mutant: Program, form: LinkForm, random: Random): boolean {
  const packets = new SteeredPackets([program, mutant], form, random);
  for (let tries = 0; tries < TRIES; tries++) {
    const packet = packets.next();
    if (interpret(program, packet) !== interpret(mutant, packet)) return true;
  }
  return false;
}
