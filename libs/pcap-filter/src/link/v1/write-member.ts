import { Ancillary, BPF, type Instruction, isAncillary, type Program, SKF_AD_OFF, SKF_LL_OFF } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { type Facts, joinFacts, narrowed, stored, whereIs } from './facts.js';
import { type Guarded, guardDivision, guardIndirect, guardLength, guardLengthKeepingA, type Way } from './guards.js';
import type { Label, Listing } from './listing.js';
import { type Live, liveRegisters } from './liveness.js';
import { ANY, calculated, constant, decided, isConstant, tested, upTo, type Value } from './value.js';

/** Bytes that a load may read where nothing bounds its offset. */
const ANYWHERE = 0xffff_ffff;

/** Where a member's ways end, and what it shares with the others. */
export interface Surroundings {
  readonly listing: Listing;
  readonly accept: Label;
  readonly fail: Label;
  /** Words of M[] that no member uses, by the name of the packet's part that is kept there once it was loaded. */
  readonly shared: ReadonlyMap<string, number>;
}

export interface Written {
  /** What is known at `fail`; undefined when nothing leads there. */
  readonly onFail: Facts | undefined;
  /** The first so many bytes of a packet are all that the member reads of it. */
  readonly bytesRead: number;
  /** The parts of the packet that it loads, by name. */
  readonly loaded: ReadonlySet<string>;
  /** The words of `shared` that stood in for a load, once for each load. */
  readonly sharedReads: readonly number[];
}

/**
 * Writes one member so that it accepts by a jump to `accept` and says no by a jump to `fail`, and never ends the program.
 * Takes a program that the kernel's checker takes, and what is known where it is entered.
 * @throws BpfleetError `FILTER_UNSUPPORTED` for a load relative to a header (SKF_NET_OFF, SKF_LL_OFF)
 */
export function writeMember(program: Program, entry: Facts, surroundings: Surroundings): Written {
  return new MemberWriter(program, surroundings).write(entry);
}

class MemberWriter {
  readonly #listing: Listing;
  readonly #live: readonly Live[];
  readonly #labels: readonly Label[];
  readonly #arriving = new Map<number, Facts>();
  readonly #loaded = new Set<string>();
  readonly #sharedReads: number[] = [];
  #onFail: Facts | undefined;
  #bytesRead = 0;

  constructor(
    private readonly program: Program,
    private readonly around: Surroundings,
  ) {
    this.#listing = around.listing;
    this.#live = liveRegisters(program);
    this.#labels = program.map(() => this.#listing.newLabel());
  }

  write(entry: Facts): Written {
    this.#arriving.set(0, this.#clear(entry));
    for (const [pc, instruction] of this.program.entries()) {
      const facts = this.#arriving.get(pc);
      // Nothing leads there.
      if (facts === undefined) continue;
      this.#listing.place(this.#labels[pc] as Label);
      const after = this.#write(instruction, pc, facts);
      if (after !== undefined) this.#arrive(pc + 1, after);
    }
    return { onFail: this.#onFail, bytesRead: this.#bytesRead, loaded: this.#loaded, sharedReads: this.#sharedReads };
  }

  /** A and X are 0 where a program starts; another member may have left something there. */
  #clear(entry: Facts): Facts {
    const { a, x } = this.#live[0] as Live;
    const isZero = ({ most }: Value) => most === 0;
    if (a && !isZero(entry.a)) this.#listing.plain(BPF.LD | BPF.IMM, 0);
    if (x && !isZero(entry.x)) this.#listing.plain(BPF.LDX | BPF.IMM, 0);
    return { ...entry, a: a ? constant(0) : entry.a, x: x ? constant(0) : entry.x };
  }

  /** The facts where the next instruction follows; undefined where none does. */
  #write(instruction: Instruction, pc: number, facts: Facts): Facts | undefined {
    const { code, k } = instruction;
    switch (code & 0x07) {
      case BPF.LD:
      case BPF.LDX:
        return this.#load(code, k, pc, facts);
      case BPF.ST:
        this.#listing.plain(code, k);
        return stored(facts, k, facts.a);
      case BPF.STX:
        this.#listing.plain(code, k);
        return stored(facts, k, facts.x);
      case BPF.MISC:
        this.#listing.plain(code);
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
    const value = code & BPF.A ? facts.a : constant(k);
    const isNo = decided(BPF.JEQ, value, 0);
    if (isNo === undefined) this.#listing.branch(BPF.JEQ, 0, this.around.fail, this.around.accept);
    else this.#listing.go(isNo ? this.around.fail : this.around.accept);
    if (isNo === undefined) this.#fail(narrowed(facts, tested(BPF.JEQ, facts.a, 0, true)));
    else if (isNo) this.#fail(facts);
  }

  #jump({ code, jt, jf, k }: Instruction, pc: number, facts: Facts): void {
    const to = (skip: number) => this.#labels[pc + 1 + skip] as Label;
    const test = code & 0xf0;
    const operand = code & BPF.X ? facts.x : constant(k);
    const outcome = test === BPF.JA ? true : isConstant(operand) ? decided(test, facts.a, operand.least) : undefined;
    if (outcome !== undefined || jt === jf) {
      const skip = test === BPF.JA ? k : outcome === false ? jf : jt;
      this.#listing.go(to(skip));
      this.#arrive(pc + 1 + skip, facts);
      return;
    }
    this.#listing.branch(test | (code & BPF.X), code & BPF.X ? 0 : k, to(jt), to(jf));
    for (const [skip, holds] of [
      [jt, true],
      [jf, false],
    ] as const) {
      const narrow = isConstant(operand) ? narrowed(facts, tested(test, facts.a, operand.least, holds)) : facts;
      this.#arrive(pc + 1 + skip, narrow);
    }
  }

  #calculate(code: number, k: number, facts: Facts): Facts | undefined {
    const operation = code & 0xf0;
    const byX = (code & BPF.X) !== 0 && operation !== BPF.NEG;
    const divides = operation === BPF.DIV || operation === BPF.MOD;
    const checked = byX && divides ? this.#guarded(guardDivision(facts, this.#way)) : facts;
    if (checked === undefined) return undefined;
    this.#listing.plain(code, byX || operation === BPF.NEG ? 0 : k);
    return { ...checked, a: calculated(operation, checked.a, byX ? checked.x : constant(k)) };
  }

  #load(code: number, k: number, pc: number, facts: Facts): Facts | undefined {
    const isX = (code & 0x07) === BPF.LDX;
    switch (code & 0xe0) {
      case BPF.IMM:
        return this.#take(code, k, facts, constant(k));
      case BPF.MEM:
        return this.#take(code, k, facts, facts.memory.get(k) ?? ANY);
      case BPF.LEN:
        return this.#take(code, 0, facts, facts.length);
      case BPF.IND:
        return this.#indirect(code, k, pc, facts);
      case BPF.MSH:
        return this.#fixed(code, k, pc, facts);
      default:
        if (!isX && isAncillary(k)) return this.#take(code, k, facts, metadata(k));
        return this.#fixed(code, k, pc, facts);
    }
  }

  /** A load that never fails. */
  #take(code: number, k: number, facts: Facts, value: Value): Facts {
    this.#listing.plain(code, k);
    return (code & 0x07) === BPF.LDX ? { ...facts, x: value } : { ...facts, a: value };
  }

  #fixed(code: number, k: number, pc: number, facts: Facts): Facts | undefined {
    if (k >= SKF_LL_OFF) {
      throw new BpfleetError(
        'FILTER_UNSUPPORTED',
        `instruction ${pc} loads relative to a header (SKF_NET_OFF, SKF_LL_OFF)`,
      );
    }
    // The kernel finds nothing there (`bpf_internal_load_pointer_neg_helper`).
    if (k >= 0x8000_0000) return this.#alwaysFails(facts);
    const size = sizeOf(code);
    this.#bytesRead = Math.max(this.#bytesRead, k + size);
    const isMsh = (code & 0xe0) === BPF.MSH;
    const value = isMsh ? upTo(60, `4*([${k}]&0xf)`) : upTo(256 ** size - 1, `[${k}:${size}]`);
    const known = this.#known(code, facts, value);
    if (known !== undefined) return known;
    const guard = isMsh && (this.#live[pc] as Live).a ? guardLengthKeepingA : guardLength;
    const guarded = this.#guarded(guard(facts, k + size, this.#way));
    return guarded === undefined ? undefined : this.#share(this.#take(code, k, guarded, value), isMsh, value);
  }

  #indirect(code: number, k: number, pc: number, facts: Facts): Facts | undefined {
    const size = sizeOf(code);
    if (isConstant(facts.x)) return this.#indirectAt((facts.x.least + k) % 2 ** 32, code, k, facts);
    const wraps = facts.x.most + k > 0xffff_ffff;
    if (!wraps && facts.x.least + k >= 0x8000_0000) return this.#alwaysFails(facts);
    this.#bytesRead = Math.max(this.#bytesRead, wraps ? ANYWHERE : Math.min(ANYWHERE, facts.x.most + k + size));
    const value = upTo(256 ** size - 1, nameAt(facts.x, k, size));
    const known = this.#known(code, facts, value);
    if (known !== undefined) return known;
    const guarded = this.#guarded(guardIndirect(facts, k, size, this.#liveAfter(pc).x, this.#way));
    if (guarded === undefined) return undefined;
    return this.#share(this.#take(code, guarded.k, guarded.facts, value), false, value);
  }

  /** X is known, so the offset is. */
  #indirectAt(offset: number, code: number, k: number, facts: Facts): Facts | undefined {
    if (offset >= 0x8000_0000) return this.#alwaysFails(facts);
    const size = sizeOf(code);
    this.#bytesRead = Math.max(this.#bytesRead, offset + size);
    const guarded = this.#guarded(guardLength(facts, offset + size, this.#way));
    return guarded === undefined
      ? undefined
      : this.#take(code, k, guarded, upTo(256 ** size - 1, `[${offset}:${size}]`));
  }

  /** The value taken from where it is already, if it is anywhere: it was inside the packet then. */
  #known(code: number, facts: Facts, { name }: Value): Facts | undefined {
    if (name === undefined) return undefined;
    this.#loaded.add(name);
    const place = whereIs(facts, name);
    if (place === undefined) return undefined;
    const toX = (code & 0x07) === BPF.LDX;
    if (place === 'a') {
      if (toX) this.#listing.plain(BPF.MISC | BPF.TAX);
      return toX ? { ...facts, x: facts.a } : facts;
    }
    if (place === 'x') {
      if (!toX) this.#listing.plain(BPF.MISC | BPF.TXA);
      return toX ? facts : { ...facts, a: facts.x };
    }
    this.#sharedReads.push(place);
    return this.#take((toX ? BPF.LDX : BPF.LD) | BPF.MEM, place, facts, facts.memory.get(place) as Value);
  }

  /** Keeps what was just loaded for the members that load it too. */
  #share(facts: Facts, isX: boolean, { name }: Value): Facts {
    const word = name === undefined ? undefined : this.around.shared.get(name);
    if (word === undefined) return facts;
    this.#listing.plain(isX ? BPF.STX : BPF.ST, word);
    return stored(facts, word, isX ? facts.x : facts.a);
  }

  get #way(): Way {
    return { listing: this.#listing, fail: this.around.fail };
  }

  #guarded<After>({ after, onFail }: Guarded<After>): After | undefined {
    for (const facts of onFail) this.#fail(facts);
    return after;
  }

  #alwaysFails(facts: Facts): undefined {
    this.#listing.go(this.around.fail);
    this.#fail(facts);
    return undefined;
  }

  #fail(facts: Facts): void {
    this.#onFail = this.#onFail === undefined ? facts : joinFacts(this.#onFail, facts);
  }

  #arrive(pc: number, facts: Facts): void {
    const others = this.#arriving.get(pc);
    this.#arriving.set(pc, others === undefined ? facts : joinFacts(others, facts));
  }

  /** Loads never jump, so what is read behind one is read in front of the next instruction. */
  #liveAfter(pc: number): Live {
    return this.#live[pc + 1] as Live;
  }
}

function sizeOf(code: number): 1 | 2 | 4 {
  return (code & 0x18) === BPF.W ? 4 : (code & 0x18) === BPF.H ? 2 : 1;
}

/** Of a load behind a part of the packet that gives the offset; not of a chain of them, so that names stay short. */
function nameAt(x: Value, k: number, size: number): string | undefined {
  return x.name === undefined || x.name.includes('+') ? undefined : `[${x.name}+${k}:${size}]`;
}

/** `convert_bpf_extensions`: whether there is a tag is one bit, all else a word. */
function metadata(k: number): Value {
  return k - SKF_AD_OFF === Ancillary.VLAN_TAG_PRESENT ? upTo(1) : ANY;
}
