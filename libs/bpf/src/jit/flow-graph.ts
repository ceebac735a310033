import type { Instruction, Program } from '../instruction.js';
import { BPF } from '../opcodes.js';

/** Index into `FlowGraph.blocks`; blocks stand in program order, so every way leads to a larger number. */
export type BlockId = number;

export type Exit =
  | { readonly kind: 'return'; readonly instruction: Instruction }
  | { readonly kind: 'go'; readonly to: BlockId }
  | {
      readonly kind: 'branch';
      readonly instruction: Instruction;
      readonly whenTrue: BlockId;
      readonly whenFalse: BlockId;
    }
  /** Many tests of A for equality in a row, the first that holds decides. */
  | { readonly kind: 'switch'; readonly cases: readonly Case[]; readonly otherwise: BlockId };

export interface Case {
  readonly value: number;
  readonly to: BlockId;
}

/** Instructions that follow each other whatever happens, unless a load or a division ends the program. */
export interface Block {
  readonly body: readonly Instruction[];
  readonly exit: Exit;
}

/** How many tests in a row become one switch. */
const SHORTEST_SWITCH = 6;

/** The blocks of a checked program. The first is entered; some may be reached by no way. */
export function flowGraph(program: Program): Block[] {
  const starts = blockStarts(program);
  const idAt = new Map(starts.map((start, id) => [start, id]));
  const to = (pc: number) => idAt.get(pc) as BlockId;
  const blocks = starts.map((start, id): Block => {
    const end = starts[id + 1] ?? program.length;
    const last = program[end - 1] as Instruction;
    const exit = exitOf(last, end - 1, to) ?? { kind: 'go' as const, to: to(end) };
    const endsItself = (last.code & 0x07) === BPF.RET || (last.code & 0x07) === BPF.JMP;
    return { body: program.slice(start, endsItself ? end - 1 : end), exit };
  });
  return withSwitches(blocks);
}

function blockStarts(program: Program): number[] {
  const starts = new Set([0]);
  for (const [pc, { code, jt, jf, k }] of program.entries()) {
    const kind = code & 0x07;
    if (kind !== BPF.JMP && kind !== BPF.RET) continue;
    if (pc + 1 < program.length) starts.add(pc + 1);
    if (kind === BPF.RET) continue;
    for (const skip of code === (BPF.JMP | BPF.JA) ? [k] : [jt, jf]) starts.add(pc + 1 + skip);
  }
  return [...starts].sort((first, second) => first - second);
}

function exitOf(instruction: Instruction, pc: number, to: (pc: number) => BlockId): Exit | undefined {
  const { code, jt, jf, k } = instruction;
  if ((code & 0x07) === BPF.RET) return { kind: 'return', instruction };
  if ((code & 0x07) !== BPF.JMP) return undefined;
  if (code === (BPF.JMP | BPF.JA)) return { kind: 'go', to: to(pc + 1 + k) };
  if (jt === jf) return { kind: 'go', to: to(pc + 1 + jt) };
  return { kind: 'branch', instruction, whenTrue: to(pc + 1 + jt), whenFalse: to(pc + 1 + jf) };
}

/** How often each block is entered from another; the first once more. */
export function entries(blocks: readonly Block[]): Uint32Array {
  const count = new Uint32Array(blocks.length);
  const reached = new Uint8Array(blocks.length);
  const enter = (id: BlockId) => {
    count[id] = (count[id] ?? 0) + 1;
    reached[id] = 1;
  };
  enter(0);
  for (const [id, { exit }] of blocks.entries()) if (reached[id]) successors(exit).forEach(enter);
  return count;
}

export function successors(exit: Exit): readonly BlockId[] {
  switch (exit.kind) {
    case 'return':
      return [];
    case 'go':
      return [exit.to];
    case 'branch':
      return [exit.whenTrue, exit.whenFalse];
    case 'switch':
      return [...exit.cases.map(({ to }) => to), exit.otherwise];
  }
}

function withSwitches(blocks: readonly Block[]): Block[] {
  const entered = entries(blocks);
  const switched = [...blocks];
  const taken = new Uint8Array(blocks.length);
  for (const [id, block] of blocks.entries()) {
    if (taken[id]) continue;
    const cases: Case[] = [];
    let test = equality(block);
    let otherwise = id;
    while (test !== undefined) {
      cases.push({ value: test.instruction.k, to: test.whenTrue });
      taken[otherwise] = 1;
      otherwise = test.whenFalse;
      const next = blocks[otherwise] as Block;
      // Only a bare test that nobody else jumps to continues the row.
      test = next.body.length === 0 && entered[otherwise] === 1 ? equality(next) : undefined;
    }
    if (cases.length >= SHORTEST_SWITCH)
      switched[id] = { body: block.body, exit: { kind: 'switch', cases, otherwise } };
  }
  return switched;
}

function equality({ exit }: Block): Extract<Exit, { kind: 'branch' }> | undefined {
  return exit.kind === 'branch' && exit.instruction.code === (BPF.JMP | BPF.JEQ | BPF.K) ? exit : undefined;
}
