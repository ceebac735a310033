import {
  Ancillary,
  BPF,
  type Instruction,
  jump,
  MEMORY_WORDS,
  type Program,
  SKF_AD_OFF,
  statement,
} from '@bpfleet/bpf';
import type { Random } from '../random.js';

export interface RandomProgramOptions {
  /** With loads of metadata (`SKF_AD_*`), of those kinds that our interpreter knows. */
  readonly ancillary: boolean;
  /** Instructions; a random number, mostly below 40, unless told. */
  readonly length?: number;
}

const SIZES = [BPF.W, BPF.H, BPF.B] as const;
const OPERATIONS = [BPF.ADD, BPF.SUB, BPF.MUL, BPF.DIV, BPF.MOD, BPF.AND, BPF.OR, BPF.XOR, BPF.LSH, BPF.RSH] as const;
const TESTS = [BPF.JEQ, BPF.JGT, BPF.JGE, BPF.JSET] as const;
const METADATA = [
  Ancillary.PROTOCOL,
  Ancillary.PKTTYPE,
  Ancillary.IFINDEX,
  Ancillary.ALU_XOR_X,
  Ancillary.VLAN_TAG,
  Ancillary.VLAN_TAG_PRESENT,
  Ancillary.VLAN_TPID,
] as const;

/**
 * A program that the kernel's checker takes: of every opcode, with jumps anywhere ahead, M[] wherever the checker's linear
 * pass knows a store, indirect loads, divisions and shifts by X, dead code, several returns. Most absolute loads lie in the
 * first 64 bytes and X is mostly small, so that packets of usual lengths get past them. No load uses the negative offsets
 * of SKF_NET_OFF and SKF_LL_OFF, though X + k may reach them.
 */
export function randomValidProgram(random: Random, { ancillary, length }: RandomProgramOptions): Program {
  const size = length ?? (random.chance(4) ? 60 + random.below(500) : 2 + random.below(38));
  const program: Instruction[] = [];
  const memory = new StoredWords(size);
  while (program.length < size - 1) {
    const pc = program.length;
    const stored = memory.at(pc);
    const instruction = withNoise(random, randomInstruction(random, size - pc - 2, stored, ancillary));
    memory.after(pc, instruction);
    program.push(instruction);
  }
  program.push(withNoise(random, randomReturn(random)));
  return program;
}

/** @param room how many instructions a jump may skip at most */
function randomInstruction(random: Random, room: number, stored: readonly number[], ancillary: boolean): Instruction {
  const kind = random.below(100);
  if (kind < 24) return absoluteLoad(random, ancillary);
  if (kind < 34) return statement(BPF.LD | random.of(SIZES) | BPF.IND, indirectOffset(random));
  if (kind < 38) return statement(BPF.LDX | BPF.B | BPF.MSH, offset(random));
  if (kind < 44) return smallLoad(random);
  if (kind < 50) return statement(random.of([BPF.ST, BPF.STX]), random.below(MEMORY_WORDS));
  if (kind < 56 && stored.length > 0)
    return statement(random.of([BPF.LD | BPF.MEM, BPF.LDX | BPF.MEM]), random.of(stored));
  if (kind < 61) return statement(BPF.MISC | random.of([BPF.TAX, BPF.TAX, BPF.TXA]));
  if (kind < 78) return arithmetic(random);
  if (kind < 80) return statement(BPF.JMP | BPF.JA, random.below(Math.min(room, 4) + 1));
  if (kind < 97) return branch(random, room);
  return randomReturn(random);
}

function absoluteLoad(random: Random, ancillary: boolean): Instruction {
  const isMetadata = ancillary && random.chance(25);
  return statement(BPF.LD | random.of(SIZES) | BPF.ABS, isMetadata ? SKF_AD_OFF + random.of(METADATA) : offset(random));
}

/** Loads that need no packet. */
function smallLoad(random: Random): Instruction {
  const code = random.of([BPF.LD | BPF.IMM, BPF.LDX | BPF.IMM, BPF.LD | BPF.LEN, BPF.LDX | BPF.LEN]);
  return statement(code, (code & 0xe0) === BPF.IMM ? constant(random) : 0);
}

function arithmetic(random: Random): Instruction {
  if (random.chance(4)) return statement(BPF.ALU | BPF.NEG);
  const operation = random.of(OPERATIONS);
  if (random.chance(35)) return statement(BPF.ALU | operation | BPF.X);
  if (operation === BPF.LSH || operation === BPF.RSH)
    return statement(BPF.ALU | operation | BPF.K, random.below(random.of([8, 32])));
  if (operation === BPF.DIV || operation === BPF.MOD)
    return statement(BPF.ALU | operation | BPF.K, constant(random) || 7);
  // Small masks keep A, and after `tax` X, in the range of offsets.
  const mask = operation === BPF.AND && random.chance(70);
  return statement(BPF.ALU | operation | BPF.K, mask ? random.of([0xf, 0x1f, 0x3c, 0xff, 0x3ff]) : constant(random));
}

function branch(random: Random, room: number): Instruction {
  const skip = () => (random.chance(40) ? 0 : random.below(Math.min(room, random.of([3, 8, 255])) + 1));
  const test = random.of(TESTS);
  const source = random.chance(25) ? BPF.X : BPF.K;
  return jump(BPF.JMP | test | source, source === BPF.X ? 0 : constant(random), skip(), skip());
}

/** What it returns is seen only up to the packet's length, so it is mostly small. */
function randomReturn(random: Random): Instruction {
  if (random.chance(45)) return statement(BPF.RET | BPF.A);
  return statement(BPF.RET | BPF.K, random.of([0, 1, 7, 60, random.below(1600), 262_144, 0xffff_ffff]));
}

function offset(random: Random): number {
  const kind = random.below(100);
  if (kind < 80) return random.below(random.of([2, 16, 64]));
  if (kind < 97) return random.below(1700);
  return random.of([0x7fff_ffff, 0x7fff_fffc, 0x1_0000, 0x00ff_ffff]);
}

/** [x + k] is added modulo 2^32: a k close to 2^32 reads before X. */
function indirectOffset(random: Random): number {
  return random.chance(10) ? -1 - random.below(60) : offset(random);
}

function constant(random: Random): number {
  switch (random.below(8)) {
    case 0:
      return random.of([0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff_fff0]);
    case 1:
      return random.below(2 ** 32);
    case 2:
      return random.of([0x0800, 0x86dd, 0x8100, 6, 17, 0x1fff, 0x4000_0000]);
    case 3:
      return random.below(0x1_0000);
    default:
      return random.below(random.of([4, 64, 256]));
  }
}

/** The kernel does not look at fields that an opcode does not use; nor must anybody else. */
function withNoise(random: Random, instruction: Instruction): Instruction {
  if (!random.chance(3)) return instruction;
  const { code } = instruction;
  const branches = (code & 0x07) === BPF.JMP && code !== (BPF.JMP | BPF.JA);
  if (!branches) return { ...instruction, jt: random.below(256), jf: random.below(256) };
  return code & BPF.X ? { ...instruction, k: random.below(2 ** 31) } : instruction;
}

/** Which words of M[] the checker's linear pass (`check_load_and_stores`) takes as stored at each instruction. */
class StoredWords {
  readonly #arriving: Uint16Array;
  #stored = 0;

  constructor(size: number) {
    this.#arriving = new Uint16Array(size).fill(0xffff);
  }

  at(pc: number): number[] {
    this.#stored &= this.#arriving[pc] ?? 0;
    return Array.from({ length: MEMORY_WORDS }, (_, word) => word).filter((word) => this.#stored & (1 << word));
  }

  after(pc: number, { code, jt, jf, k }: Instruction): void {
    if (code === BPF.ST || code === BPF.STX) this.#stored |= 1 << k;
    if ((code & 0x07) !== BPF.JMP) return;
    for (const skip of code === (BPF.JMP | BPF.JA) ? [k] : [jt, jf]) {
      const target = pc + 1 + skip;
      this.#arriving[target] = (this.#arriving[target] ?? 0) & this.#stored;
    }
    // Nothing falls through a jump: after it the words are those of whoever jumps there.
    this.#stored = 0xffff;
  }
}
