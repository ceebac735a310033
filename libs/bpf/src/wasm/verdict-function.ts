import type { Instruction, Program } from '../instruction.js';
import { type Block, type BlockId, flowGraph } from '../jit/flow-graph.js';
import { provenLengths, sizeOf } from '../jit/proven-length.js';
import { BPF, MEMORY_WORDS, withoutSize } from '../opcodes.js';
import { SET_TEST } from '../set-test.js';
import {
  block,
  branch,
  branchIf,
  type Code,
  type EncodedFunction,
  encodeFunction,
  get,
  i32,
  load,
  set,
  when,
} from './binary.js';

/**
 * What the code leaves behind: `ask` is neither. A byte is missing that was on the wire, or was asked for in a way that is rare:
 * another machine has to say.
 */
export const VERDICT = { no: 0, yes: 1, ask: 2 } as const;

/** Locals, all i32: the packet's first byte, as an address, and its lengths; the answer; A, X, a place for sums, and M[]. */
const LOCAL = { packet: 0, captured: 1, wire: 2, verdict: 3, a: 4, x: 5, i: 6, memory: 7 } as const;
const PARAMETERS = LOCAL.wire + 1;
const LOCALS = LOCAL.memory + MEMORY_WORDS;
/** Loads from here on are relative to a header, or ask for what is beside the packet. */
const NEGATIVE = 0x8000_0000;
/** Deeper code is not made: whoever compiles it may do so by recursion. */
const MOST_BLOCKS = 1024;

/**
 * A checked program as a function of WebAssembly (core specification, 5.4), for a loop over many packets: of the address of a packet, how
 * much of it there is, and how long it was. It answers what `interpret` would, as `VERDICT`. Blocks of the program only lead
 * forward, so each becomes what follows the end of a `block`, and a jump a branch out of as many as lie between.
 * @returns undefined for programs that ask for what is beside the packet, or for sets
 */
export function verdictFunction(program: Program): EncodedFunction | undefined {
  if (!program.every(isSupported)) return undefined;
  const blocks = flowGraph(program);
  if (blocks.length > MOST_BLOCKS) return undefined;
  const locals = Array.from({ length: LOCALS - PARAMETERS }, () => 'i32' as const);
  return encodeFunction({ parameters: PARAMETERS, locals, body: new Translation(blocks).code });
}

function isSupported({ code, k }: Instruction): boolean {
  const isAbsolute = withoutSize(code) === (BPF.LD | BPF.ABS) || code === (BPF.LDX | BPF.B | BPF.MSH);
  if (isAbsolute) return k < NEGATIVE;
  return (code & 0x07) !== BPF.JMP || (code & 0xf0) !== SET_TEST;
}

class Translation {
  readonly #proven: Float64Array;

  constructor(private readonly blocks: readonly Block[]) {
    this.#proven = provenLengths(blocks);
  }

  get code(): Code {
    const inner = this.blocks.reduce<Code>((before, _, id) => {
      const own = this.#block(id);
      return id === 0 ? own : block(before).concat(own);
    }, []);
    return [...block(inner), ...get(LOCAL.verdict)];
  }

  /** From inside of block `id`: how many labels out the code of block `to` begins, or where all ends. */
  #label = (id: BlockId, to: BlockId): number => to - id - 1;

  #block(id: BlockId): Code {
    const { body, exit } = this.blocks[id]!;
    const end = this.#label(id, this.blocks.length);
    let proven = this.#proven[id]!;
    const statements = body.flatMap((instruction) => {
      const [code, known] = this.#statement(instruction, proven, end);
      proven = Math.max(proven, known);
      return code;
    });
    return [...statements, ...this.#exit(id, exit, end)];
  }

  #exit(id: BlockId, exit: Block['exit'], end: number): Code {
    const go = (to: BlockId): Code => (to === id + 1 ? [] : branch(this.#label(id, to)));
    switch (exit.kind) {
      case 'return':
        return [...set(LOCAL.verdict, this.#returned(exit.instruction)), ...branch(end)];
      case 'go':
        return go(exit.to);
      case 'branch': {
        const { instruction, whenTrue, whenFalse } = exit;
        return [...branchIf(this.#label(id, whenTrue), this.#condition(instruction)), ...go(whenFalse)];
      }
      case 'switch': {
        const cases = exit.cases.flatMap(({ value, to }) =>
          branchIf(this.#label(id, to), i32.eq(this.#a, i32.const(value | 0))),
        );
        return [...cases, ...go(exit.otherwise)];
      }
    }
  }

  #returned({ code, k }: Instruction): Code {
    if (code === (BPF.RET | BPF.A)) return i32.ne(this.#a, i32.const(0));
    return i32.const(k === 0 ? VERDICT.no : VERDICT.yes);
  }

  #condition({ code, k }: Instruction): Code {
    const operand = this.#operand(code, k);
    switch (code & 0xf0) {
      case BPF.JEQ:
        return i32.eq(this.#a, operand);
      case BPF.JGT:
        return i32.gtU(this.#a, operand);
      case BPF.JGE:
        return i32.geU(this.#a, operand);
      default:
        return i32.and(this.#a, operand);
    }
  }

  /** @returns the code, and how many bytes the packet is known to have behind it */
  #statement(instruction: Instruction, proven: number, end: number): readonly [Code, number] {
    const { code, k } = instruction;
    switch (code) {
      case BPF.LD | BPF.W | BPF.ABS:
      case BPF.LD | BPF.H | BPF.ABS:
      case BPF.LD | BPF.B | BPF.ABS: {
        const size = sizeOf(code);
        return [[...this.#guard(k + size, proven, end), ...set(LOCAL.a, this.#bytes(k, size))], k + size];
      }
      case BPF.LDX | BPF.B | BPF.MSH: {
        const length = i32.shl(i32.and(this.#bytes(k, 1), i32.const(15)), i32.const(2));
        return [[...this.#guard(k + 1, proven, end), ...set(LOCAL.x, length)], k + 1];
      }
      default:
        return [this.#simple(instruction, end), 0];
    }
  }

  #simple({ code, k }: Instruction, end: number): Code {
    switch (code) {
      case BPF.LD | BPF.W | BPF.IND:
      case BPF.LD | BPF.H | BPF.IND:
      case BPF.LD | BPF.B | BPF.IND:
        return this.#indirect(k, sizeOf(code), end);
      case BPF.LD | BPF.W | BPF.LEN:
        return set(LOCAL.a, get(LOCAL.wire));
      case BPF.LDX | BPF.W | BPF.LEN:
        return set(LOCAL.x, get(LOCAL.wire));
      case BPF.LD | BPF.IMM:
        return set(LOCAL.a, i32.const(k | 0));
      case BPF.LDX | BPF.IMM:
        return set(LOCAL.x, i32.const(k | 0));
      case BPF.LD | BPF.MEM:
        return set(LOCAL.a, get(LOCAL.memory + k));
      case BPF.LDX | BPF.MEM:
        return set(LOCAL.x, get(LOCAL.memory + k));
      case BPF.ST:
        return set(LOCAL.memory + k, this.#a);
      case BPF.STX:
        return set(LOCAL.memory + k, get(LOCAL.x));
      case BPF.MISC | BPF.TAX:
        return set(LOCAL.x, this.#a);
      case BPF.MISC | BPF.TXA:
        return set(LOCAL.a, get(LOCAL.x));
      default:
        return this.#arithmetic(code, k, end);
    }
  }

  /** Nothing where an earlier load proves that the packet is long enough. */
  #guard(lengthBytes: number, proven: number, end: number): Code {
    if (lengthBytes <= proven) return [];
    const verdict = i32.shl(i32.geU(get(LOCAL.wire), i32.const(lengthBytes | 0)), i32.const(1));
    return this.#leave(i32.ltU(get(LOCAL.captured), i32.const(lengthBytes | 0)), verdict, end);
  }

  /** [x + k] modulo 2^32, as the kernel adds. */
  #indirect(k: number, size: 1 | 2 | 4, end: number): Code {
    const i = get(LOCAL.i);
    const isShort = i32.ltU(get(LOCAL.captured), i32.const(size));
    const isBehind = i32.gtU(i, i32.sub(get(LOCAL.captured), i32.const(size)));
    const isNegative = i32.gtU(i, i32.const(0x7fff_ffff));
    const isOnWire = i32.leU(i32.add(i, i32.const(size)), get(LOCAL.wire));
    return [
      ...set(LOCAL.i, i32.add(get(LOCAL.x), i32.const(k | 0))),
      ...this.#leave(i32.or(isShort, isBehind), i32.shl(i32.or(isNegative, isOnWire), i32.const(1)), end),
      ...set(LOCAL.a, bytesAt(i32.add(get(LOCAL.packet), i), 0, size)),
    ];
  }

  #arithmetic(code: number, k: number, end: number): Code {
    const byX = (code & BPF.X) !== 0;
    const operand = this.#operand(code, k);
    const divides = [BPF.DIV, BPF.MOD].includes((code & 0xf0) as never);
    const zero = divides && byX ? this.#leave(i32.eqz(operand), i32.const(VERDICT.no), end) : [];
    const operation = OPERATIONS.get(code & 0xf0);
    const result = operation ? operation(this.#a, operand) : i32.sub(i32.const(0), this.#a);
    return [...zero, ...set(LOCAL.a, result)];
  }

  #leave(condition: Code, verdict: Code, end: number): Code {
    return when(condition, set(LOCAL.verdict, verdict), branch(end + 1));
  }

  #bytes = (k: number, size: 1 | 2 | 4): Code => bytesAt(get(LOCAL.packet), k, size);
  #operand = (code: number, k: number): Code => ((code & BPF.X) !== 0 ? get(LOCAL.x) : i32.const(k | 0));
  get #a(): Code {
    return get(LOCAL.a);
  }
}

const OPERATIONS = new Map<number, (a: Code, operand: Code) => Code>([
  [BPF.ADD, i32.add],
  [BPF.SUB, i32.sub],
  [BPF.MUL, i32.mul],
  [BPF.DIV, i32.divU],
  [BPF.MOD, i32.remU],
  [BPF.AND, i32.and],
  [BPF.OR, i32.or],
  [BPF.XOR, i32.xor],
  // The low five bits of the distance count, in WebAssembly as in the kernel.
  [BPF.LSH, i32.shl],
  [BPF.RSH, i32.shrU],
]);

/** Big-endian, byte by byte: nothing is aligned. */
function bytesAt(address: Code, offset: number, size: 1 | 2 | 4): Code {
  const bytes = Array.from({ length: size }, (_, index) => load.u8(offset + index, address));
  return bytes.reduce((value, byte) => i32.or(i32.shl(value, i32.const(8)), byte));
}
