import type { Instruction } from '../instruction.js';
import { BPF, withoutSize } from '../opcodes.js';
import { type Block, type BlockId, type Exit, successors } from './flow-graph.js';
import { allKnown, and, either, equals, hasAny, type Known, nothingKnown, numberIn, shiftRight } from './known-bits.js';
import { loadEnd, sizeOf } from './proven-length.js';

/** A kind of packets: how many bytes they have at least, and what those say. */
export interface PacketKind {
  readonly leastBytes: number;
  /** By offset. */
  readonly bytes: ReadonlyMap<number, Known>;
}

interface Registers {
  readonly a: Known;
  readonly x: Known;
}

/**
 * The same program for packets of one kind alone: tests that the kind decides are gone, and so are loads that nobody looks at any
 * more; where X is known, loads relative to it are absolute.
 */
export function specialise(blocks: readonly Block[], kind: PacketKind): Block[] {
  const states: (Registers | undefined)[] = blocks.map(() => undefined);
  states[0] = { a: allKnown(0), x: allKnown(0) };
  const decided = blocks.map((block, id): Block => {
    let registers = states[id];
    if (registers === undefined) return block;
    const body: Instruction[] = [];
    for (const instruction of block.body) {
      const plain = withKnownOffset(instruction, registers.x);
      body.push(plain);
      registers = after(plain, registers, kind);
    }
    const exit = decide(block.exit, registers);
    for (const to of successors(exit)) states[to] = meet(states[to], registers);
    return { body, exit };
  });
  return withoutIdleLoads(decided, kind.leastBytes);
}

const meet = (one: Registers | undefined, other: Registers): Registers =>
  one === undefined ? other : { a: either(one.a, other.a), x: either(one.x, other.x) };

/** An indirect load within what offsets can say of bytes. */
function withKnownOffset(instruction: Instruction, x: Known): Instruction {
  const known = numberIn(x);
  if (withoutSize(instruction.code) !== (BPF.LD | BPF.IND) || known === undefined) return instruction;
  const offset = (known + instruction.k) | 0;
  return offset < 0 ? instruction : { ...instruction, code: (instruction.code & ~0xe0) | BPF.ABS, k: offset };
}

function after({ code, k }: Instruction, { a, x }: Registers, kind: PacketKind): Registers {
  switch (code) {
    case BPF.LD | BPF.W | BPF.ABS:
    case BPF.LD | BPF.H | BPF.ABS:
    case BPF.LD | BPF.B | BPF.ABS:
      return { a: loaded(k, sizeOf(code), kind), x };
    case BPF.LDX | BPF.B | BPF.MSH: {
      const byte = numberIn(loaded(k, 1, kind));
      return { a, x: byte === undefined ? nothingKnown : allKnown((byte & 15) << 2) };
    }
    case BPF.LD | BPF.IMM:
      return { a: allKnown(k), x };
    case BPF.LDX | BPF.IMM:
      return { a, x: allKnown(k) };
    case BPF.MISC | BPF.TAX:
      return { a, x: a };
    case BPF.MISC | BPF.TXA:
      return { a: x, x };
    case BPF.ALU | BPF.AND | BPF.K:
      return { a: and(a, allKnown(k)), x };
    case BPF.ALU | BPF.RSH | BPF.K:
      return { a: shiftRight(a, k), x };
    default:
      return setsX(code) ? { a, x: nothingKnown } : setsA(code) ? { a: nothingKnown, x } : { a, x };
  }
}

function loaded(offset: number, size: number, { bytes }: PacketKind): Known {
  // Metadata are whole numbers whatever the size of the load: `ldb [proto]` gives 0x800.
  if (offset >= 0x8000_0000) return nothingKnown;
  let mask = size === 4 ? 0 : -1 << (8 * size);
  let value = 0;
  for (let at = 0; at < size; at++) {
    const byte = bytes.get(offset + at) ?? nothingKnown;
    const shift = 8 * (size - 1 - at);
    mask |= (byte.mask & 0xff) << shift;
    value |= (byte.value & 0xff) << shift;
  }
  return { mask, value };
}

function decide(exit: Exit, { a }: Registers): Exit {
  if (exit.kind === 'switch') {
    const known = numberIn(a);
    if (known === undefined) return exit;
    return { kind: 'go', to: exit.cases.find(({ value }) => (value | 0) === known)?.to ?? exit.otherwise };
  }
  if (exit.kind !== 'branch') return exit;
  const { code, k } = exit.instruction;
  const holds = code === (BPF.JMP | BPF.JEQ) ? equals(a, k) : code === (BPF.JMP | BPF.JSET) ? hasAny(a, k) : undefined;
  if (holds === undefined) return exit;
  return { kind: 'go', to: holds ? exit.whenTrue : exit.whenFalse };
}

interface Needs {
  readonly a: boolean;
  readonly x: boolean;
}

/** Backwards: ways lead onwards only. A load that could end the program stays. */
function withoutIdleLoads(blocks: readonly Block[], leastBytes: number): Block[] {
  const needs: Needs[] = [];
  const kept: Block[] = [];
  for (let id: BlockId = blocks.length - 1; id >= 0; id--) {
    const { body, exit } = blocks[id]!;
    let { a, x } = neededBy(exit, needs);
    const left: Instruction[] = [];
    for (const instruction of body.toReversed()) {
      const { code } = instruction;
      const isIdle = (setsX(code) && !x) || (setsA(code) && !a);
      if (isIdle && isHarmless(instruction, leastBytes)) continue;
      left.unshift(instruction);
      if (setsX(code)) x = false;
      if (setsA(code)) a = false;
      a ||= readsA(instruction);
      x ||= readsX(instruction);
    }
    needs[id] = { a, x };
    kept[id] = { body: left, exit };
  }
  return kept;
}

function neededBy(exit: Exit, needs: readonly Needs[]): Needs {
  const following = successors(exit).map((to) => needs[to]!);
  const isAsked = exit.kind === 'branch' || exit.kind === 'switch';
  const isAnswer = exit.kind === 'return' && exit.instruction.code === (BPF.RET | BPF.A);
  return {
    a: isAsked || isAnswer || following.some(({ a }) => a),
    x: (exit.kind === 'branch' && (exit.instruction.code & BPF.X) !== 0) || following.some(({ x }) => x),
  };
}

const setsA = (code: number): boolean =>
  (code & 7) === BPF.LD || (code & 7) === BPF.ALU || code === (BPF.MISC | BPF.TXA);
const setsX = (code: number): boolean => (code & 7) === BPF.LDX || code === (BPF.MISC | BPF.TAX);

/** Loads of metadata may look at both. */
const isMetadata = ({ code, k }: Instruction): boolean => withoutSize(code) === (BPF.LD | BPF.ABS) && k >= 0x8000_0000;
const readsA = (instruction: Instruction): boolean =>
  (instruction.code & 7) === BPF.ALU ||
  instruction.code === BPF.ST ||
  instruction.code === (BPF.MISC | BPF.TAX) ||
  isMetadata(instruction);
const readsX = (instruction: Instruction): boolean =>
  ((instruction.code & 7) === BPF.ALU && (instruction.code & BPF.X) !== 0) ||
  withoutSize(instruction.code) === (BPF.LD | BPF.IND) ||
  instruction.code === BPF.STX ||
  instruction.code === (BPF.MISC | BPF.TXA) ||
  isMetadata(instruction);

/** It does nothing but set its register: it cannot end the program. */
function isHarmless(instruction: Instruction, leastBytes: number): boolean {
  const { code, k } = instruction;
  const kind = code & 7;
  if (kind === BPF.MISC) return true;
  if (kind === BPF.ALU) return (code & BPF.X) === 0 || ((code & 0xf0) !== BPF.DIV && (code & 0xf0) !== BPF.MOD);
  const mode = code & 0xe0;
  if (mode === BPF.IND) return false;
  if (mode === BPF.ABS || mode === BPF.MSH) return k < 0x8000_0000 && loadEnd(instruction) <= leastBytes;
  return kind === BPF.LD || kind === BPF.LDX;
}
