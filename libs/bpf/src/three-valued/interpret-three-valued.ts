import { BpfleetError } from '@bpfleet/errors';
import type { Program } from '../instruction.js';
import { contains, type NumberSet } from '../number-set.js';
import { BPF, SKF_AD_OFF } from '../opcodes.js';
import { setOf, UNDECIDED } from '../run/interpret.js';
import { loadAncillary, OUTSIDE, UNKNOWN } from '../run/load.js';
import type { Packet } from '../run/packet.js';
import { JUMP_IN_SET } from '../set-test.js';
import { calculateValue, derivedFrom } from './arithmetic.js';
import { loadCut } from './cut-loads.js';
import { assume, type Knowledge, knownOf, type Question } from './knowledge.js';
import { anything, certain, isCertain, narrowed, type Source, type Value } from './value.js';

/** More steps than this, over all ways together, and the answer is left undecided. */
const MOST_STEPS = 40_000;

/** One way through the program, at one of its instructions. */
interface Way {
  readonly pc: number;
  readonly a: Value;
  readonly x: Value;
  readonly memory: readonly (Value | undefined)[];
  readonly knowledge: Knowledge | undefined;
}

/**
 * Runs a classic program on a packet that was cut: the verdict if every completion of the missing bytes has the same, else
 * UNDECIDED. Where a condition hangs on missing bytes both ways are followed, each with what it takes for granted; all
 * must agree. What is not there but would be outside in any case says no, as in `interpret`.
 * Never wrong, and undecided without need only where ways depend on each other by more than tests of the same bits.
 * @throws BpfleetError `PROGRAM_INVALID` for what `checkProgram` refuses, when it is reached
 */
export function interpretThreeValued(program: Program, packet: Packet, sets: readonly NumberSet[] = []): number {
  return new Exploration(program, packet, sets).answer();
}

class Exploration {
  readonly #open: Way[] = [{ pc: 0, a: certain(0), x: certain(0), memory: [], knowledge: undefined }];
  #verdict: number | undefined;
  #isUndecided = false;
  #stepsLeft = MOST_STEPS;

  constructor(
    private readonly program: Program,
    private readonly packet: Packet,
    private readonly sets: readonly NumberSet[],
  ) {}

  answer(): number {
    for (let way = this.#open.pop(); way !== undefined; way = this.#open.pop()) {
      let next: Way | undefined = way;
      while (next !== undefined && !this.#isUndecided) next = this.#step(next);
      if (this.#isUndecided) return UNDECIDED;
    }
    return this.#verdict ?? UNDECIDED;
  }

  /** A way can end with this verdict. */
  #end(verdict: Value): undefined {
    if (!isCertain(verdict) || (this.#verdict !== undefined && this.#verdict !== verdict.low)) this.#isUndecided = true;
    this.#verdict = verdict.low;
  }

  #step(way: Way): Way | undefined {
    if (this.#stepsLeft-- === 0) this.#isUndecided = true;
    const instruction = this.program[way.pc];
    if (instruction === undefined) throw invalid(`the program runs past its end to ${way.pc}`);
    const { code, k } = instruction;
    const { a, x, memory } = way;
    const on = { ...way, pc: way.pc + 1 };
    switch (code) {
      case BPF.RET | BPF.K:
        return this.#end(certain(k));
      case BPF.RET | BPF.A:
        return this.#end(a);
      case BPF.LD | BPF.W | BPF.ABS:
      case BPF.LD | BPF.H | BPF.ABS:
      case BPF.LD | BPF.B | BPF.ABS:
        return k >= SKF_AD_OFF ? this.#loadMetadata(on, k) : this.#load(on, certain(k), sizeOf(code));
      case BPF.LD | BPF.W | BPF.IND:
      case BPF.LD | BPF.H | BPF.IND:
      case BPF.LD | BPF.B | BPF.IND:
        return this.#load(on, calculateValue(BPF.ADD, x, certain(k)), sizeOf(code));
      case BPF.LDX | BPF.B | BPF.MSH: {
        const loaded = this.#load({ ...on, a: x }, certain(k), 1);
        return loaded && { ...loaded, a, x: headerLength(loaded.a) };
      }
      case BPF.LD | BPF.W | BPF.LEN:
        return { ...on, a: certain(this.packet.wireLength) };
      case BPF.LDX | BPF.W | BPF.LEN:
        return { ...on, x: certain(this.packet.wireLength) };
      case BPF.LD | BPF.IMM:
        return { ...on, a: certain(k) };
      case BPF.LDX | BPF.IMM:
        return { ...on, x: certain(k) };
      case BPF.LD | BPF.MEM:
        return { ...on, a: memory[k] ?? certain(0) };
      case BPF.LDX | BPF.MEM:
        return { ...on, x: memory[k] ?? certain(0) };
      case BPF.ST:
        return { ...on, memory: stored(memory, k, a) };
      case BPF.STX:
        return { ...on, memory: stored(memory, k, x) };
      case BPF.MISC | BPF.TAX:
        return { ...on, x: a };
      case BPF.MISC | BPF.TXA:
        return { ...on, a: x };
      case BPF.JMP | BPF.JA:
        return { ...on, pc: on.pc + k };
      default:
        if (code === JUMP_IN_SET) return this.#lookUp(on, way.pc);
        if ((code & 0x07) === BPF.JMP) return this.#branch(on, way.pc);
        if ((code & 0x07) === BPF.ALU) return this.#calculate(on, code, k);
        throw invalid(`unknown opcode 0x${code.toString(16)} at ${way.pc}`);
    }
  }

  #load(on: Way, offset: Value, size: number): Way | undefined {
    const { mayBeOutside, value, knowledge } = loadCut(this.packet, offset, size, on.knowledge);
    if (mayBeOutside) this.#end(certain(0));
    return value && { ...on, a: value, knowledge };
  }

  #loadMetadata(on: Way, k: number): Way | undefined {
    if (k === XOR_X) return { ...on, a: calculateValue(BPF.XOR, on.a, on.x) };
    const loaded = loadAncillary(this.packet.metadata, k, 0, 0);
    if (loaded === OUTSIDE) return this.#end(certain(0));
    return { ...on, a: loaded === UNKNOWN ? anything : certain(loaded) };
  }

  #calculate(on: Way, code: number, k: number): Way | undefined {
    const operation = code & 0xf0;
    let operand: Value | undefined = code & BPF.X ? on.x : certain(k);
    if ((operation === BPF.DIV || operation === BPF.MOD) && operand.low === 0) {
      this.#end(certain(0));
      operand = narrowed(1, operand.high, operand.known, operand.bits);
      if (operand === undefined) return undefined;
    }
    return { ...on, a: calculateValue(operation, on.a, operand) };
  }

  /** Of an uncertain number only its interval is looked at. */
  #lookUp(on: Way, pc: number): Way | undefined {
    const { jt, jf, k } = this.program[pc] as Program[number];
    const a = refreshed(on.a, on.knowledge);
    const isIn = allOrNone(setOf(this.sets, k), a);
    const [taken, passed] = [jt, jf].map((skip) => ({ ...on, a, pc: on.pc + skip })) as [Way, Way];
    if (isIn === undefined) this.#open.push(passed);
    return isIn === false ? passed : taken;
  }

  #branch(on: Way, pc: number): Way | undefined {
    const { code, jt, jf, k } = this.program[pc] as Program[number];
    const a = refreshed(on.a, on.knowledge);
    const operand = code & BPF.X ? refreshed(on.x, on.knowledge) : certain(k);
    const test = code & 0xf0;
    if (test < BPF.JEQ || test > BPF.JSET) throw invalid(`unknown jump 0x${code.toString(16)} at ${pc}`);
    const question =
      isCertain(a) && !isCertain(operand) ? turned(test, a, operand) : { test, a, operand, whenTrue: true };
    const whenTrue = assume(on.knowledge, question, question.whenTrue);
    const whenFalse = assume(on.knowledge, question, !question.whenTrue);
    const taken = whenTrue.possible && { ...on, a, pc: on.pc + jt, knowledge: whenTrue.knowledge };
    const passed = whenFalse.possible && { ...on, a, pc: on.pc + jf, knowledge: whenFalse.knowledge };
    if (taken && passed) this.#open.push(passed);
    return taken || passed || undefined;
  }
}

/** The same question about the uncertain side: A > X holds where X >= A does not. */
function turned(test: number, a: Value, operand: Value): Question & { readonly whenTrue: boolean } {
  const isOrder = test === BPF.JGT || test === BPF.JGE;
  const opposite = test === BPF.JGT ? BPF.JGE : BPF.JGT;
  return { test: isOrder ? opposite : test, a: operand, operand: a, whenTrue: !isOrder };
}

/** Whether every number that it can be is in the set; undefined where that cannot be told. */
function allOrNone(set: NumberSet, { low, high }: Value): boolean | undefined {
  if (low === high) return contains(set, low);
  for (let index = 0; index < set.length; index += 2) {
    const [from = 0, to = 0] = [set[index], set[index + 1]];
    if (to < low) continue;
    if (from > high) return false;
    return from <= low && high <= to ? true : undefined;
  }
  return false;
}

const XOR_X = SKF_AD_OFF + 40;

const headerLength = (byte: Value): Value =>
  calculateValue(BPF.LSH, calculateValue(BPF.AND, byte, certain(0xf)), certain(2));

/** With what tests on this way have shown of the load it comes from. */
function refreshed(value: Value, knowledge: Knowledge | undefined): Value {
  const { source, derived } = value;
  const known = knowledge && (source ?? derived?.load) && knownOf(knowledge, (source ?? derived?.load) as Source);
  if (known === undefined) return value;
  if (source !== undefined) return calculateValue(BPF.AND, known.value, certain(source.mask));
  return derived && isCertain(known.value) ? certain(derivedFrom(known.value.low, derived)) : value;
}

function stored(memory: Way['memory'], word: number, value: Value): Way['memory'] {
  const changed = [...memory];
  changed[word] = value;
  return changed;
}

function sizeOf(code: number): number {
  return (code & 0x18) === BPF.W ? 4 : (code & 0x18) === BPF.H ? 2 : 1;
}

function invalid(message: string): BpfleetError {
  return new BpfleetError('PROGRAM_INVALID', message);
}
