import type { Instruction, Program } from '../instruction.js';
import { BPF, SKF_AD_OFF } from '../opcodes.js';

/** How a program can end from each of its instructions on, whatever the packet. */
export interface Endings {
  /** The verdict of every way from here that no load and no division ends before; NaN when there are several. */
  readonly verdicts: Float64Array;
  /** How long a packet must be for no load from here on to be outside. */
  readonly reach: Float64Array;
}

const known = new WeakMap<Program, Endings>();

/** Calculated once for each program. */
export function endingsOf(program: Program): Endings {
  const before = known.get(program);
  if (before !== undefined) return before;
  const found = calculated(program);
  known.set(program, found);
  return found;
}

/** The one verdict that a packet of this length can have from here on, if there is only one. */
export function verdictFrom({ verdicts, reach }: Endings, pc: number, wireLength: number): number | undefined {
  const verdict = verdicts[pc] ?? Number.NaN;
  if (Number.isNaN(verdict)) return undefined;
  return verdict === 0 || (reach[pc] ?? Number.POSITIVE_INFINITY) <= wireLength ? verdict : undefined;
}

/** Jumps only lead onwards: from the end, each instruction's successors are known. */
function calculated(program: Program): Endings {
  const verdicts = new Float64Array(program.length).fill(Number.NaN);
  const reach = new Float64Array(program.length).fill(Number.POSITIVE_INFINITY);
  for (let pc = program.length - 1; pc >= 0; pc--) {
    const instruction = program[pc] as Instruction;
    const next = successors(instruction).map((skip) => pc + 1 + skip);
    const [first = Number.NaN, ...others] = next.map((to) => verdicts[to] ?? Number.NaN);
    if (instruction.code === (BPF.RET | BPF.K)) verdicts[pc] = instruction.k;
    else if (others.every((other) => other === first)) verdicts[pc] = first;
    reach[pc] = Math.max(ownReach(instruction), ...next.map((to) => reach[to] ?? Number.POSITIVE_INFINITY));
  }
  return { verdicts, reach };
}

function successors({ code, jt, jf, k }: Instruction): readonly number[] {
  if ((code & 0x07) === BPF.RET) return [];
  if ((code & 0x07) !== BPF.JMP) return [0];
  return code === (BPF.JMP | BPF.JA) ? [k] : [jt, jf];
}

function ownReach({ code, k }: Instruction): number {
  const kind = code & 0x07;
  if (code === (BPF.LDX | BPF.B | BPF.MSH)) return k + 1;
  const divides = (code & 0xf0) === BPF.DIV || (code & 0xf0) === BPF.MOD;
  if (kind === BPF.ALU && divides && (code & BPF.X) !== 0) return Number.POSITIVE_INFINITY;
  if (kind !== BPF.LD) return 0;
  if ((code & 0xe0) === BPF.IND) return Number.POSITIVE_INFINITY;
  if ((code & 0xe0) !== BPF.ABS) return 0;
  return k >= SKF_AD_OFF
    ? Number.POSITIVE_INFINITY
    : k + ((code & 0x18) === BPF.W ? 4 : (code & 0x18) === BPF.H ? 2 : 1);
}
