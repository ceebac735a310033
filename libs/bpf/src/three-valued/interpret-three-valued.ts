import { BpfleetError } from '@bpfleet/errors';
import type { Program } from '../instruction.js';
import type { NumberSet } from '../number-set.js';
import { Ancillary, BPF, SKF_AD_OFF } from '../opcodes.js';
import { setOf, UNDECIDED } from '../run/interpret.js';
import { loadAncillary, loadBytes, OUTSIDE, UNKNOWN } from '../run/load.js';
import type { Packet } from '../run/packet.js';
import { JUMP_IN_SET } from '../set-test.js';
import { Completions } from './completions.js';
import { type Endings, endingsOf, verdictFrom } from './endings.js';
import { Facts } from './facts.js';
import { amongMembers } from './members.js';
import { isRefuted } from './refute.js';
import { related } from './relations.js';
import type { Assumption, Term } from './terms.js';
import { isCertain } from './value.js';

/** More steps than this, over all ways together, and the answer is left undecided. */
const MOST_STEPS = 20_000;

/** One way through the program, at one of its instructions. */
interface Way {
  readonly pc: number;
  readonly a: Term;
  readonly x: Term;
  readonly memory: readonly (Term | undefined)[];
}

/** A way that is followed later: from what was known then, and with what it takes for granted. */
interface OpenWay {
  readonly mark: number;
  readonly way: Way;
  readonly assumption: Assumption;
}

/**
 * Runs a classic program on a packet that was cut: the verdict if every completion of the missing bytes has the same, else
 * UNDECIDED. Where a condition hangs on missing bytes both ways are followed, each with what it takes for granted; a way
 * that ends otherwise than some completion did counts unless what it takes for granted contradicts itself.
 * What is not there but would be outside in any case says no, as in `interpret`.
 * Never wrong; undecided without need only where that contradiction is not found in bounded time.
 * @throws BpfleetError `PROGRAM_INVALID` for what `checkProgram` refuses, when it is reached
 */
export function interpretThreeValued(program: Program, packet: Packet, sets: readonly NumberSet[] = []): number {
  return new Exploration(program, packet, sets).answer();
}

class Exploration {
  readonly #facts: Facts;
  readonly #completions: Completions;
  readonly #endings: Endings;
  readonly #open: OpenWay[] = [];
  /** What some completion has, or the first way that was followed to its end. */
  #verdict: number | undefined;
  #isUndecided = false;
  #stepsLeft = MOST_STEPS;

  constructor(
    private readonly program: Program,
    packet: Packet,
    private readonly sets: readonly NumberSet[],
  ) {
    this.#facts = new Facts(packet);
    this.#endings = endingsOf(program);
    this.#completions = new Completions(program, packet, sets);
  }

  answer(): number {
    for (const byte of [0, 0xff]) if (this.#differs(this.#completions.filledWith(byte))) return UNDECIDED;
    const zero = this.#facts.numeral(0);
    let way: Way | undefined = { pc: 0, a: zero, x: zero, memory: [] };
    for (; way !== undefined; way = this.#nextOpen()) {
      let next: Way | undefined = way;
      while (next !== undefined && !this.#isUndecided) next = this.#step(next);
      if (this.#isUndecided) return UNDECIDED;
    }
    return this.#verdict ?? UNDECIDED;
  }

  #nextOpen(): Way | undefined {
    for (let open = this.#open.pop(); open !== undefined; open = this.#open.pop()) {
      this.#facts.undo(open.mark);
      if (this.#facts.assume(open.assumption)) return open.way;
    }
    return undefined;
  }

  /** A completion has this verdict. */
  #differs(verdict: number): boolean {
    if (verdict === UNDECIDED) return false;
    this.#verdict ??= verdict;
    return this.#verdict !== verdict;
  }

  /** The way ends with this verdict. */
  #end(verdict: Term): undefined {
    const facts = this.#facts;
    if (isCertain(verdict.value)) {
      this.#verdict ??= verdict.value.low;
      if (this.#verdict !== verdict.value.low) this.#suspect();
      return;
    }
    if (this.#verdict === undefined) this.#isUndecided = true;
    else this.#suspectIf(different(verdict, facts.numeral(this.#verdict)));
  }

  #endWithZero(assumption: Assumption): void {
    this.#verdict ??= 0;
    if (this.#verdict !== 0) this.#suspectIf(assumption);
  }

  /** Where this holds the packet has another verdict. */
  #suspectIf(assumption: Assumption): void {
    const mark = this.#facts.mark();
    if (this.#facts.assume(assumption)) this.#suspect();
    this.#facts.undo(mark);
  }

  #suspect(): void {
    const isPossible = () => this.#differs(this.#completions.fitting(this.#facts.missingBytes()));
    if (!isRefuted(this.#facts, isPossible)) this.#isUndecided = true;
  }

  #step(way: Way): Way | undefined {
    if (this.#stepsLeft-- === 0 || this.#facts.isExhausted) this.#isUndecided = true;
    const instruction = this.program[way.pc];
    if (instruction === undefined) throw invalid(`the program runs past its end to ${way.pc}`);
    const { code, k } = instruction;
    const { a, x, memory } = way;
    const on = { ...way, pc: way.pc + 1 };
    switch (code) {
      case BPF.RET | BPF.K:
        return this.#end(this.#facts.numeral(k));
      case BPF.RET | BPF.A:
        return this.#end(a);
      case BPF.LD | BPF.W | BPF.ABS:
      case BPF.LD | BPF.H | BPF.ABS:
      case BPF.LD | BPF.B | BPF.ABS:
        return k >= SKF_AD_OFF ? this.#loadMetadata(on, k) : this.#load(on, this.#facts.numeral(k), sizeOf(code));
      case BPF.LD | BPF.W | BPF.IND:
      case BPF.LD | BPF.H | BPF.IND:
      case BPF.LD | BPF.B | BPF.IND:
        return this.#load(on, this.#calculated(BPF.ADD, x, k), sizeOf(code));
      case BPF.LDX | BPF.B | BPF.MSH: {
        const loaded = this.#load(on, this.#facts.numeral(k), 1);
        return loaded && { ...loaded, a, x: this.#calculated(BPF.MUL, this.#calculated(BPF.AND, loaded.a, 0xf), 4) };
      }
      case BPF.LD | BPF.W | BPF.LEN:
        return { ...on, a: this.#facts.numeral(this.#facts.packet.wireLength) };
      case BPF.LDX | BPF.W | BPF.LEN:
        return { ...on, x: this.#facts.numeral(this.#facts.packet.wireLength) };
      case BPF.LD | BPF.IMM:
        return { ...on, a: this.#facts.numeral(k) };
      case BPF.LDX | BPF.IMM:
        return { ...on, x: this.#facts.numeral(k) };
      case BPF.LD | BPF.MEM:
        return { ...on, a: memory[k] ?? this.#facts.numeral(0) };
      case BPF.LDX | BPF.MEM:
        return { ...on, x: memory[k] ?? this.#facts.numeral(0) };
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
        if ((code & 0x07) === BPF.JMP) return this.#branch(on, way.pc);
        if ((code & 0x07) === BPF.ALU) return this.#calculate(on, code, k);
        throw invalid(`unknown opcode 0x${code.toString(16)} at ${way.pc}`);
    }
  }

  #load(on: Way, offset: Term, size: number): Way | undefined {
    if (isCertain(offset.value)) {
      const number = loadBytes(this.#facts.packet, offset.value.low, size);
      if (number === OUTSIDE) return this.#end(this.#facts.numeral(0));
      if (number !== UNKNOWN) return { ...on, a: this.#facts.numeral(number) };
    } else {
      const isInside: Assumption = { kind: 'member', a: offset, set: this.#facts.inside(size), holds: true };
      if (!this.#goesOn(isInside)) return undefined;
    }
    const loaded = this.#facts.load(offset, size);
    return loaded && { ...on, a: loaded };
  }

  #loadMetadata(on: Way, k: number): Way | undefined {
    if (k === XOR_X) return { ...on, a: this.#facts.calculated(BPF.XOR, on.a, on.x) };
    const loaded = loadAncillary(this.#facts.packet.metadata, k, 0, 0);
    if (loaded === OUTSIDE) return this.#end(this.#facts.numeral(0));
    return { ...on, a: loaded === UNKNOWN ? this.#facts.unknown() : this.#facts.numeral(loaded) };
  }

  #calculate(on: Way, code: number, k: number): Way | undefined {
    const operation = code & 0xf0;
    const operand = code & BPF.X ? on.x : this.#facts.numeral(k);
    const divides = operation === BPF.DIV || operation === BPF.MOD;
    if (divides && !this.#goesOn(different(operand, this.#facts.numeral(0)))) return undefined;
    return { ...on, a: this.#facts.calculated(operation, on.a, operand) };
  }

  #calculated(operation: number, a: Term, k: number): Term {
    return this.#facts.calculated(operation, a, this.#facts.numeral(k));
  }

  /** Where this does not hold the program ends with 0. Whether it can hold; then it is known. */
  #goesOn(assumption: Assumption): boolean {
    if (!canBe(assumption, false)) return true;
    this.#endWithZero({ ...assumption, holds: !assumption.holds });
    return !this.#isUndecided && this.#facts.assume(assumption);
  }

  #branch(on: Way, pc: number): Way | undefined {
    const { code, jt, jf, k } = this.program[pc] as Program[number];
    if (jt === jf) return { ...on, pc: on.pc + jt };
    const [taken, passed] = [jt, jf].map((skip) => ({ ...on, pc: on.pc + skip })) as [Way, Way];
    const assumption = this.#questionOf(on, code, k, pc);
    if (!canBe(assumption, true)) return canBe(assumption, false) ? passed : undefined;
    if (!canBe(assumption, false)) return taken;
    const otherwise = { mark: this.#facts.mark(), way: passed, assumption: { ...assumption, holds: false } };
    if (!this.#isSettled(passed)) this.#open.push(otherwise);
    return !this.#isSettled(taken) && this.#facts.assume(assumption) ? taken : undefined;
  }

  /** From here on the verdict is the one that is known, whatever is missing. */
  #isSettled({ pc }: Way): boolean {
    const verdict = verdictFrom(this.#endings, pc, this.#facts.packet.wireLength);
    return verdict !== undefined && verdict === this.#verdict;
  }

  #questionOf({ a, x }: Way, code: number, k: number, pc: number): Assumption {
    if (code === JUMP_IN_SET) return { kind: 'member', a, set: setOf(this.sets, k), holds: true };
    const test = code & 0xf0;
    if (test < BPF.JEQ || test > BPF.JSET) throw invalid(`unknown jump 0x${code.toString(16)} at ${pc}`);
    return { kind: 'relation', test, a, operand: code & BPF.X ? x : this.#facts.numeral(k), holds: true };
  }
}

function different(a: Term, operand: Term): Assumption {
  return { kind: 'relation', test: BPF.JEQ, a, operand, holds: false };
}

/** Whether the two numbers alone let it hold, or not. */
function canBe(assumption: Assumption, asAssumed: boolean): boolean {
  const holds = assumption.holds === asAssumed;
  if (assumption.kind === 'member') return amongMembers(assumption.set, assumption.a.value, holds) !== undefined;
  return related(assumption.test, assumption.a.value, assumption.operand.value, holds) !== undefined;
}

const XOR_X = SKF_AD_OFF + Ancillary.ALU_XOR_X;

function stored(memory: Way['memory'], word: number, value: Term): Way['memory'] {
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
