import type { NumberSet } from '../number-set.js';
import { BPF, SKF_LL_OFF, SKF_NET_OFF } from '../opcodes.js';
import { OUTSIDE, placeOf } from '../run/load.js';
import type { Packet } from '../run/packet.js';
import { calculateValue } from './arithmetic.js';
import { amongMembers } from './members.js';
import { operandsOf } from './operands.js';
import { joined } from './orders.js';
import { related } from './relations.js';
import { inOrder, leaves } from './simplify.js';
import { type Assumption, type LoadSomewhere, type Missing, type Rule, type Term, termsOf } from './terms.js';
import { anything, between, both, canBe, certain, either, isCertain, type Value } from './value.js';
import { ANY_BYTE, byteOf, joinedBytes, wholeOf } from './words.js';

/** An offset between more places than this can be anywhere. */
const MOST_PLACES = 64;
/** A chain of consequences is followed so far. */
const MOST_CONSEQUENCES = 400;
/** Over all ways together. Beyond, nothing more is concluded. */
const MOST_WORK = 20_000;

/**
 * What is known of a cut packet on the way that is being followed: terms, what they can be, and what was assumed of them.
 * Each assumption narrows the terms it is about, these what they are made of and what is made of them, and so on. `undo`
 * takes everything back to a `mark`, terms that were made since included.
 */
export class Facts {
  readonly assumptions: Assumption[] = [];
  readonly #undo: (() => void)[] = [];
  readonly #terms = new Map<string, Term>();
  readonly #bytes = new Map<number, Missing>();
  readonly #insides = new Map<number, NumberSet>();
  readonly #queue = new Set<Rule>();
  #workLeft = MOST_WORK;
  #made = 0;

  constructor(readonly packet: Packet) {}

  /** Whether there was more to conclude than there was time for. */
  get isExhausted(): boolean {
    return this.#workLeft <= 0;
  }

  /** The missing bytes that somebody asked for. */
  missingBytes(): Iterable<Missing> {
    return this.#bytes.values();
  }

  numeral(number: number): Term {
    const key = `#${number}`;
    return this.#terms.get(key) ?? this.#make(key, { kind: 'numeral', ...this.#node(certain(number)) }, []);
  }

  /** 32 bits of which nothing is known. */
  unknown(): Term {
    return { kind: 'missing', at: undefined, ...this.#node(anything) };
  }

  calculated(operation: number, left: Term, right: Term): Term {
    const value = calculateValue(operation, left.value, right.value);
    if (isCertain(value)) return this.numeral(value.low);
    const [a, operand] = inOrder(operation, this.#plain(left), this.#plain(right));
    const simpler = this.#simplified(operation, a, operand);
    if (simpler !== undefined) return simpler;
    const key = `${operation} ${a.id} ${operand.id}`;
    const made = () =>
      this.#make(key, { kind: 'calculated', operation, a, operand, ...this.#node(value) }, [a, operand]);
    return this.#terms.get(key) ?? made();
  }

  /** A load that is taken to be inside of the packet; undefined when nothing that was assumed leaves it a place. */
  load(offset: Term, size: number): Term | undefined {
    if (isCertain(offset.value)) return this.#word(placeOf(this.packet, offset.value.low), size);
    const key = `${offset.id} : ${size}`;
    const known = this.#terms.get(key);
    if (known !== undefined) return known;
    const [places, value] = this.#places(between(0, wholeOf(size)), offset.value, size);
    if (value === undefined || !this.learn(offset, places)) return undefined;
    return this.#make(key, { kind: 'load', offset, size, ...this.#node(value) }, [offset]);
  }

  /** The offsets of loads that are inside of the packet. */
  inside(size: number): NumberSet {
    const known = this.#insides.get(size);
    if (known !== undefined) return known;
    const last = this.packet.wireLength - size;
    const network = this.packet.metadata?.networkOffset;
    const ranges = [
      [0, Math.min(last, 0x7fff_ffff)],
      [SKF_LL_OFF, Math.min(SKF_LL_OFF + last, SKF_NET_OFF - 1)],
      [SKF_NET_OFF, network === undefined ? -1 : Math.min(SKF_NET_OFF + last - network, 0xffff_ffff)],
    ].filter(([from = 0, to = 0]) => from <= to);
    const set = Uint32Array.from(ranges.flat());
    this.#insides.set(size, set);
    return set;
  }

  /** What can be told of a term from the missing bytes alone, without what was assumed of the term itself. */
  fromBytes(term: Term, seen = new Map<Term, Value>()): Value {
    if (isCertain(term.value) && term.kind !== 'calculated' && term.kind !== 'load') return term.value;
    const known = seen.get(term);
    if (known !== undefined) return known;
    this.#workLeft--;
    const value = this.#fromParts(term, (part) => this.fromBytes(part, seen));
    seen.set(term, value);
    return value;
  }

  /** The bytes that a load at a certain place reads. */
  bytesOf({ offset, size }: LoadSomewhere): readonly Term[] {
    if (!isCertain(offset.value)) return [];
    const place = placeOf(this.packet, offset.value.low);
    return place === OUTSIDE ? [] : Array.from({ length: size }, (_, index) => this.#byte(place + index));
  }

  mark(): number {
    return this.#undo.length;
  }

  undo(mark: number): void {
    while (this.#undo.length > mark) this.#undo.pop()?.();
  }

  /** False when this contradicts what is known. Then `undo` must follow. */
  assume(assumption: Assumption): boolean {
    const stronger = assumption.kind === 'relation' ? joined(assumption, this.assumptions) : assumption;
    if (typeof stronger === 'boolean') return stronger;
    this.assumptions.push(stronger);
    this.#undo.push(() => this.assumptions.pop());
    for (const term of termsOf(stronger)) this.#watch(term, stronger);
    this.#queue.add(stronger);
    return this.#conclude();
  }

  /** As `assume`, that a term is one of these numbers. */
  learn(term: Term, value: Value | undefined): boolean {
    return this.#narrow(term, value) && this.#conclude();
  }

  #node(value: Value): Pick<Term, 'id' | 'value' | 'users'> {
    return { id: this.#made++, value, users: [] };
  }

  #make<Made extends Term>(key: string, term: Made, parts: readonly Term[]): Made {
    this.#terms.set(key, term);
    this.#undo.push(() => this.#terms.delete(key));
    for (const part of parts) this.#watch(part, term as Rule);
    return term;
  }

  #watch(term: Term, rule: Rule): void {
    if (term.kind === 'numeral') return;
    term.users.push(rule);
    this.#undo.push(() => term.users.pop());
  }

  /** A number that is known by now, whatever it came from. */
  #plain(term: Term): Term {
    return isCertain(term.value) ? this.numeral(term.value.low) : term;
  }

  #simplified(operation: number, a: Term, operand: Term): Term | undefined {
    if (a === operand) {
      if (operation === BPF.SUB || operation === BPF.XOR || operation === BPF.MOD) return this.numeral(0);
      if (operation === BPF.DIV) return this.numeral(1);
      if (operation === BPF.ADD) return this.calculated(BPF.MUL, a, this.numeral(2));
      return operation === BPF.AND || operation === BPF.OR ? a : undefined;
    }
    return isCertain(operand.value) && leaves(operation, a.value, operand.value.low) ? a : undefined;
  }

  /** Bytes at a place inside of the packet. */
  #word(place: number, size: number): Term {
    const bytes = Array.from({ length: size }, (_, index) => this.#byte(place + index));
    const [first] = bytes;
    if (size === 1 && first !== undefined) return first;
    const value = joinedBytes(bytes.map((byte) => byte.value));
    if (isCertain(value)) return this.numeral(value.low);
    const key = `[${place}:${size}]`;
    return this.#terms.get(key) ?? this.#make(key, { kind: 'word', bytes, ...this.#node(value) }, bytes);
  }

  #byte(place: number): Term {
    const { packet } = this;
    if (place < packet.capturedLength) return this.numeral(packet.bytes[packet.start + place] ?? 0);
    const known = this.#bytes.get(place);
    if (known !== undefined) return known;
    const made: Missing = { kind: 'missing', at: place, ...this.#node(ANY_BYTE) };
    this.#bytes.set(place, made);
    return made;
  }

  #valueAt(place: number, size: number): Value {
    const { packet } = this;
    const byte = (at: number): Value =>
      at < packet.capturedLength
        ? certain(packet.bytes[packet.start + at] ?? 0)
        : (this.#bytes.get(at)?.value ?? ANY_BYTE);
    return joinedBytes(Array.from({ length: size }, (_, index) => byte(place + index)));
  }

  /** False when no number is left. */
  #narrow(term: Term, value: Value | undefined): boolean {
    const before = term.value;
    if (value === before) return true;
    const narrower = value && both(before, value);
    if (narrower === undefined) return false;
    if (narrower.low === before.low && narrower.high === before.high && narrower.known === before.known) return true;
    term.value = narrower;
    this.#undo.push(() => {
      term.value = before;
    });
    for (const user of term.users) this.#queue.add(user);
    if (term.kind !== 'numeral' && term.kind !== 'missing') this.#queue.add(term);
    return true;
  }

  #conclude(): boolean {
    let left = MOST_CONSEQUENCES;
    for (const rule of this.#queue) {
      this.#queue.delete(rule);
      if (left-- === 0 || this.#workLeft-- <= 0) break;
      if (this.#apply(rule)) continue;
      this.#queue.clear();
      return false;
    }
    this.#queue.clear();
    return true;
  }

  #apply(rule: Rule): boolean {
    switch (rule.kind) {
      case 'relation': {
        const pair = related(rule.test, rule.a.value, rule.operand.value, rule.holds);
        return pair !== undefined && this.#narrow(rule.a, pair[0]) && this.#narrow(rule.operand, pair[1]);
      }
      case 'member':
        return this.#narrow(rule.a, amongMembers(rule.set, rule.a.value, rule.holds));
      case 'calculated': {
        const { operation, a, operand } = rule;
        if (!this.#narrow(rule, calculateValue(operation, a.value, operand.value))) return false;
        const shown = operandsOf(operation, rule.value, a.value, operand.value);
        return this.#narrow(a, shown.a) && this.#narrow(operand, shown.operand);
      }
      case 'word': {
        if (!this.#narrow(rule, joinedBytes(rule.bytes.map((byte) => byte.value)))) return false;
        return rule.bytes.every((byte, index) => this.#narrow(byte, byteOf(rule.value, rule.bytes.length - 1 - index)));
      }
      case 'load':
        return this.#applyLoad(rule);
    }
  }

  #applyLoad(load: LoadSomewhere): boolean {
    const { offset, size } = load;
    if (isCertain(offset.value)) {
      const place = placeOf(this.packet, offset.value.low);
      if (place === OUTSIDE || place + size > this.packet.wireLength) return true;
      const word = this.#word(place, size);
      if (!word.users.includes(load)) this.#watch(word, load);
      return this.#narrow(load, word.value) && this.#narrow(word, load.value);
    }
    const [places, value] = this.#places(load.value, offset.value, size);
    return this.#narrow(offset, places) && this.#narrow(load, value);
  }

  /** Of a load with this result: the offsets it can have, and what it can be there. */
  #places(result: Value, offset: Value, size: number): readonly [Value | undefined, Value | undefined] {
    const { low, high } = offset;
    if (high - low > 4 * MOST_PLACES) return [offset, between(0, wholeOf(size))];
    let [places, value, count] = [undefined, undefined, 0] as [Value | undefined, Value | undefined, number];
    for (let at = low; at <= high; at++) {
      if (!canBe(offset, at)) continue;
      const place = placeOf(this.packet, at);
      if (place === OUTSIDE || place + size > this.packet.wireLength) continue;
      if (++count > MOST_PLACES) return [offset, between(0, wholeOf(size))];
      const here = both(this.#valueAt(place, size), result);
      if (here === undefined) continue;
      places = places === undefined ? certain(at) : either(places, certain(at));
      value = value === undefined ? here : either(value, here);
    }
    return [places, value];
  }

  #fromParts(term: Term, ofPart: (part: Term) => Value): Value {
    switch (term.kind) {
      case 'numeral':
      case 'missing':
        return term.value;
      case 'word':
        return joinedBytes(term.bytes.map(ofPart));
      case 'calculated':
        return calculateValue(term.operation, ofPart(term.a), ofPart(term.operand));
      case 'load': {
        const offset = ofPart(term.offset);
        const place = isCertain(offset) ? placeOf(this.packet, offset.low) : OUTSIDE;
        return place === OUTSIDE ? between(0, wholeOf(term.size)) : this.#valueAt(place, term.size);
      }
    }
  }
}
