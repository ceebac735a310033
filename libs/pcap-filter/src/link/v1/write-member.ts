import { BPF, type Instruction, type Program } from '@bpfleet/bpf';
import { type Facts, joinFacts, narrowed, stored } from './facts.js';
import { guardDivision, type Way } from './guards.js';
import type { Label } from './listing.js';
import type { Live } from './liveness.js';
import type { Places } from './places.js';
import { calculated, constant, decided, isConstant, tested, type Value } from './value.js';
import { LoadWriter } from './write-load.js';

/** Where a member's ways end, and what it shares with the others. */
export interface Surroundings extends Way {
  readonly accept: Label;
  /** Words of M[] that no member uses, by the name of the packet's part that is kept there once it was loaded. */
  readonly shared: ReadonlyMap<string, number>;
}

export interface Written {
  /** What is known where it accepts; undefined when it never does. */
  readonly onAccept: Facts | undefined;
  /** The first so many bytes of a packet are all that the member reads of it. */
  readonly bytesRead: number;
  /** The parts of the packet that it loads, by name. */
  readonly loaded: ReadonlySet<string>;
  /** The words of `shared` that stood in for a load, once for each load. */
  readonly sharedReads: readonly number[];
}

/**
 * Writes one member so that it accepts by a jump to `accept` and says no by a jump to `fail`, and never ends the program.
 * Takes a program that the kernel's checker takes, and the places where it was entered.
 * @throws BpfleetError `FILTER_UNSUPPORTED` for a load relative to a header (SKF_NET_OFF, SKF_LL_OFF)
 */
export function writeMember(program: Program, places: Places, surroundings: Surroundings): Written {
  return new MemberWriter(program, places, surroundings).write();
}

class MemberWriter {
  readonly #loads: LoadWriter;
  #onAccept: Facts | undefined;

  constructor(
    private readonly program: Program,
    private readonly places: Places,
    private readonly around: Surroundings,
  ) {
    this.#loads = new LoadWriter(around, around.shared);
  }

  write(): Written {
    if (this.places.atStart !== undefined) this.#start(this.places.atStart);
    for (const [pc, instruction] of this.program.entries()) {
      const facts = this.places.factsAt(pc);
      if (facts === undefined) continue;
      this.around.listing.place(this.places.labelAt(pc));
      const after = this.#write(instruction, pc, facts);
      if (after !== undefined) this.places.arrive(pc + 1, after);
    }
    const { bytesRead, loaded, sharedReads } = this.#loads;
    return { onAccept: this.#onAccept, bytesRead, loaded, sharedReads };
  }

  /** A and X are 0 where a program starts; another member may have left something there. */
  #start(facts: Facts): void {
    const { listing } = this.around;
    const { a, x } = this.#livesAt(0);
    const isZero = ({ most }: Value) => most === 0;
    listing.place(this.places.start);
    if (a && !isZero(facts.a)) listing.plain(BPF.LD | BPF.IMM, 0);
    if (x && !isZero(facts.x)) listing.plain(BPF.LDX | BPF.IMM, 0);
    this.places.arrive(0, { ...facts, a: a ? constant(0) : facts.a, x: x ? constant(0) : facts.x });
  }

  /** The facts where the next instruction follows; undefined where none does. */
  #write(instruction: Instruction, pc: number, facts: Facts): Facts | undefined {
    const { code, k } = instruction;
    switch (code & 0x07) {
      case BPF.LD:
      case BPF.LDX:
        // Loads never jump, so what is read behind one is read in front of the next instruction.
        return this.#loads.write(code, k, facts, { a: this.#livesAt(pc).a, x: this.#livesAt(pc + 1).x });
      case BPF.ST:
        this.around.listing.plain(code, k);
        return stored(facts, k, facts.a);
      case BPF.STX:
        this.around.listing.plain(code, k);
        return stored(facts, k, facts.x);
      case BPF.MISC:
        this.around.listing.plain(code);
        return code & BPF.TXA ? { ...facts, a: facts.x } : { ...facts, x: facts.a };
      case BPF.RET:
        this.#return(code, k, facts);
        return undefined;
      case BPF.JMP:
        this.#jump(instruction, pc, facts);
        return undefined;
      default:
        return this.#calculate(code, k, facts);
    }
  }

  #return(code: number, k: number, facts: Facts): void {
    const { listing, accept, fail } = this.around;
    const isNo = decided(BPF.JEQ, code & BPF.A ? facts.a : constant(k), 0);
    if (isNo === true) {
      listing.go(fail(facts));
    } else if (isNo === false) {
      this.#accepts(facts);
      listing.go(accept);
    } else {
      const withA = (isZero: boolean) => narrowed(facts, tested(BPF.JEQ, facts.a, 0, isZero));
      this.#accepts(withA(false));
      listing.branch(BPF.JEQ, 0, fail(withA(true)), accept);
    }
  }

  #accepts(facts: Facts): void {
    this.#onAccept = this.#onAccept === undefined ? facts : joinFacts(this.#onAccept, facts);
  }

  #jump({ code, jt, jf, k }: Instruction, pc: number, facts: Facts): void {
    const { listing } = this.around;
    const test = code & 0xf0;
    const operand = code & BPF.X ? facts.x : constant(k);
    const outcome = test === BPF.JA || !isConstant(operand) ? undefined : decided(test, facts.a, operand.least);
    if (test === BPF.JA || jt === jf || outcome !== undefined) {
      const skip = test === BPF.JA ? k : outcome === false ? jf : jt;
      listing.go(this.#lead(pc + 1 + skip, facts));
      return;
    }
    const after = (holds: boolean) =>
      isConstant(operand) ? narrowed(facts, tested(test, facts.a, operand.least, holds)) : facts;
    const yes = this.#lead(pc + 1 + jt, after(true));
    const no = this.#lead(pc + 1 + jf, after(false));
    listing.branch(test | (code & BPF.X), code & BPF.X ? 0 : k, yes, no);
  }

  /** Where a jump to `pc` leads: a return needs no place of its own, where the facts of all its jumps would join. */
  #lead(pc: number, facts: Facts): Label {
    const { code, k } = this.program[pc] as Instruction;
    if (code === (BPF.JMP | BPF.JA)) return this.#lead(pc + 1 + k, facts);
    if (code !== (BPF.RET | BPF.K)) return this.places.arrive(pc, facts);
    if (k === 0) return this.around.fail(facts);
    this.#accepts(facts);
    return this.around.accept;
  }

  #calculate(code: number, k: number, facts: Facts): Facts | undefined {
    const operation = code & 0xf0;
    const isNegation = operation === BPF.NEG;
    const byX = (code & BPF.X) !== 0 && !isNegation;
    const divides = operation === BPF.DIV || operation === BPF.MOD;
    const allowed = byX && divides ? guardDivision(facts, this.around) : facts;
    if (allowed === undefined) return undefined;
    this.around.listing.plain(code, byX || isNegation ? 0 : k);
    return { ...allowed, a: calculated(operation, allowed.a, byX ? allowed.x : constant(k)) };
  }

  #livesAt(pc: number): Live {
    return this.places.live[pc] as Live;
  }
}
