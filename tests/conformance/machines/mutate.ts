import {
  Ancillary,
  BPF,
  type CheckRule,
  type Instruction,
  jump,
  type Program,
  SKF_AD_OFF,
  statement,
} from '@bpfleet/bpf';
import type { Random } from '../random.js';

/** A valid program with one fault, and the rule it breaks at which instruction. */
export interface Mutant {
  readonly program: Program;
  readonly rule: CheckRule;
  readonly instruction: number;
}

type Mutation = (program: Program, random: Random) => Mutant;

const end = statement(BPF.RET | BPF.K, 1);
/** 21 instructions once converted. */
const LONG_LOAD = statement(BPF.LDX | BPF.B | BPF.MSH, 40_000);

/** One for each rule. Each puts its fault into a program that was valid before, and nothing else wrong. */
export const mutations: Readonly<Record<CheckRule, Mutation>> = {
  'program-length': (program, random) => {
    if (random.chance(20)) return { program: [], rule: 'program-length', instruction: 0 };
    const length = 4097 + random.below(20);
    const padding = Array.from({ length: length - program.length }, () => end);
    return { program: [...padding, ...program], rule: 'program-length', instruction: length - 1 };
  },
  'unknown-opcode': (program, random) =>
    replaced(program, random, 'unknown-opcode', () => ({ ...fields(random), code: unknownCode(random) })),
  'division-by-zero': (program, random) =>
    replaced(program, random, 'division-by-zero', () => statement(BPF.ALU | random.of([BPF.DIV, BPF.MOD]) | BPF.K, 0)),
  'shift-too-far': (program, random) =>
    replaced(program, random, 'shift-too-far', () =>
      statement(
        BPF.ALU | random.of([BPF.LSH, BPF.RSH]) | BPF.K,
        random.of([32, 33, 64, 0xffff_ffff, 32 + random.below(1000)]),
      ),
    ),
  'memory-index': (program, random) =>
    replaced(program, random, 'memory-index', () =>
      statement(
        random.of([BPF.ST, BPF.STX, BPF.LD | BPF.MEM, BPF.LDX | BPF.MEM]),
        random.of([16, 17, 0xffff_ffff, 16 + random.below(1000)]),
      ),
    ),
  'jump-target': (program, random) =>
    replaced(program, random, 'jump-target', (pc) =>
      statement(
        BPF.JMP | BPF.JA,
        random.of([
          program.length - pc - 1,
          program.length,
          0xffff_ffff - random.below(pc + 1),
          random.below(2 ** 31) + 4096,
        ]),
      ),
    ),
  'branch-target': (program, random) => {
    // A branch leaves the program only within 255 instructions of its end.
    const pc = program.length - 1 - random.below(Math.min(program.length, 250));
    const beyond = program.length - pc - 1;
    const far = beyond + random.below(256 - beyond);
    const near = random.below(beyond);
    const inside = beyond === 0 ? far : near;
    const [jt, jf] = random.of([
      [far, inside],
      [inside, far],
      [far, far],
    ] as const);
    const test = BPF.JMP | random.of([BPF.JEQ, BPF.JGT, BPF.JGE, BPF.JSET]) | random.of([BPF.K, BPF.X]);
    return {
      program: program.with(pc, jump(test, random.below(2 ** 32), jt, jf)),
      rule: 'branch-target',
      instruction: pc,
    };
  },
  'ancillary-unknown': (program, random) =>
    replaced(program, random, 'ancillary-unknown', () =>
      statement(BPF.LD | random.of([BPF.W, BPF.H, BPF.B]) | BPF.ABS, unknownMetadata(random)),
    ),
  'last-instruction': (program, random) => {
    const last = program.length - 1;
    const other = random.of([
      statement(BPF.MISC | BPF.TAX),
      statement(BPF.LD | BPF.IMM, 5),
      statement(BPF.LD | BPF.W | BPF.ABS, 12),
      statement(BPF.ST, 3),
      statement(BPF.ALU | BPF.ADD | BPF.K, 1),
    ]);
    return { program: program.with(last, other), rule: 'last-instruction', instruction: last };
  },
  'memory-uninitialised': (program, random) => {
    const load = statement(random.of([BPF.LD | BPF.MEM, BPF.LDX | BPF.MEM]), random.below(16));
    const branch = jump(BPF.JMP | BPF.JEQ, random.below(256), 0, 1);
    // In front of all stores, or where one way has none; both also as code that is never reached.
    const head = random.of<readonly Instruction[]>([[load], [end, load], [branch, statement(BPF.ST, load.k), load]]);
    return { program: [...head, ...program], rule: 'memory-uninitialised', instruction: head.length - 1 };
  },
  'jump-too-long': (program, random) => {
    const loads = Array.from({ length: 1600 + random.below(900) }, () => LONG_LOAD);
    const over = [statement(BPF.JMP | BPF.JA, loads.length), ...loads];
    return { program: [...over, ...program], rule: 'jump-too-long', instruction: 0 };
  },
};

/** Puts an instruction in the place of another, anywhere: the checker meets it before what it may break behind it. */
function replaced(program: Program, random: Random, rule: CheckRule, make: (pc: number) => Instruction): Mutant {
  const pc = random.below(program.length);
  return { program: program.with(pc, make(pc)), rule, instruction: pc };
}

function fields(random: Random): Omit<Instruction, 'code'> {
  return { jt: random.below(4), jf: random.below(4), k: random.below(16) };
}

/** Near a known opcode or anywhere in 16 bits; never one of the kernel's. */
function unknownCode(random: Random): number {
  return random.of([
    BPF.RET | BPF.X,
    BPF.LDX | BPF.H | BPF.MSH,
    BPF.LDX | BPF.W | BPF.ABS,
    BPF.ST | 0x08,
    BPF.LD | 0xc0,
    BPF.JMP | 0x50,
    BPF.ALU | BPF.NEG | BPF.X,
    BPF.MISC | 0x40,
    0x8000 | BPF.RET,
    0x0100 | random.below(0xff00),
  ]);
}

function unknownMetadata(random: Random): number {
  const odd = 4 * random.below(16) + 1 + random.below(3);
  return SKF_AD_OFF + random.of([odd, Ancillary.VLAN_TPID + 4, 0xfff, Ancillary.VLAN_TPID + 4 + random.below(4000)]);
}
