import { BPF, type Instruction, type Program } from '@bpfleet/bpf';
import { ALL_BITS, between, complement, type Ranges, single } from '../ir/ranges.js';
import { ACCEPT, REJECT, type Target } from '../optimise/graph.js';
import type { NumberedValue } from '../optimise/values.js';
import { type Formula, type Sign, test } from './formula.js';
import { type LiveWords, liveWords } from './live-words.js';
import { refuse } from './refusal.js';
import { after, divisorOf, firstState, type State, stateKey } from './state.js';
import type { Symbols } from './symbols.js';

/** One question of a program and where its answers lead. Every edge leads to a higher index, or to a verdict. */
export interface Decision {
  readonly formula: Formula;
  readonly yes: Target;
  readonly no: Target;
}

export interface Decisions {
  readonly decisions: readonly Decision[];
  readonly entry: Target;
}

/** More ways through a program than this are not followed: its registers hold something else on each. */
const MOST_WAYS = 20_000;

/** A place in the program together with what is known of the registers there. */
interface Way {
  readonly pc: number;
  readonly state: State;
  leads: Lead;
}

/** Where a way goes: to a verdict, on to another way, or to a question. */
type Lead =
  | { readonly kind: 'end'; readonly verdict: Target }
  | { readonly kind: 'go'; readonly way: Way }
  | { readonly kind: 'ask'; readonly formula: Formula; readonly yes: Way; readonly no: Way };

const REFUSED: Lead = { kind: 'end', verdict: REJECT };

/**
 * Runs a checked program with calculations in place of numbers, on every way through it. Ways that meet with equal registers
 * go on as one. What is loaded and never asked about is left out.
 * @throws CannotSay
 */
export function decisionsOf(program: Program, symbols: Symbols): Decisions {
  const ways = new Ways(program, symbols);
  const first = ways.at(0, firstState(symbols));
  return linked(ways.followAll(), first);
}

class Ways {
  readonly #live: readonly LiveWords[];
  /** By place: jumps only lead forward, so all ways to a place are known when its turn comes. */
  readonly #pending: Map<string, Way>[];
  #count = 0;

  constructor(
    private readonly program: Program,
    private readonly symbols: Symbols,
  ) {
    this.#live = liveWords(program);
    this.#pending = program.map(() => new Map());
  }

  at(pc: number, state: State): Way {
    const here = this.#pending[pc];
    const live = this.#live[pc];
    if (here === undefined || live === undefined) throw new RangeError('the program was not checked');
    const key = stateKey(state, live);
    const known = here.get(key);
    if (known !== undefined) return known;
    if (++this.#count > MOST_WAYS) refuse('TOO_MANY_WAYS', pc, `there are more than ${MOST_WAYS} ways to this place`);
    const way: Way = { pc, state, leads: REFUSED };
    here.set(key, way);
    return way;
  }

  /** In an order in which each leads only to later ones. */
  followAll(): Way[] {
    const followed: Way[] = [];
    for (const here of this.#pending) {
      for (const way of here.values()) {
        way.leads = this.#follow(way);
        followed.push(way);
      }
    }
    return followed;
  }

  #follow({ pc: from, state: begin }: Way): Lead {
    let state = begin;
    for (let pc = from; ; pc++) {
      const instruction = this.program[pc];
      if (instruction === undefined) throw new RangeError('the program was not checked');
      const kind = instruction.code & 0x07;
      if (kind === BPF.RET) return this.#return(instruction, state);
      if (kind === BPF.JMP) return this.#jump(instruction, pc, state);
      const divisor = divisorOf(instruction, state);
      if (divisor !== undefined && divisor.value.kind !== 'constant') {
        const behind = this.at(pc + 1, after(instruction, pc, state, this.symbols));
        const refused: Way = { pc, state, leads: REFUSED };
        return { kind: 'ask', formula: this.#isIn(divisor, complement(single(0))), yes: behind, no: refused };
      }
      if (divisor?.value.kind === 'constant' && divisor.value.value === 0) return REFUSED;
      state = after(instruction, pc, state, this.symbols);
    }
  }

  #return({ code, k }: Instruction, { a }: State): Lead {
    if ((code & 0x18) !== BPF.A) return { kind: 'end', verdict: k === 0 ? REJECT : ACCEPT };
    const formula = this.#isIn(a, complement(single(0)));
    const end = (verdict: Target): Way => ({ pc: 0, state: firstState(this.symbols), leads: { kind: 'end', verdict } });
    return { kind: 'ask', formula, yes: end(ACCEPT), no: end(REJECT) };
  }

  #jump({ code, jt, jf, k }: Instruction, pc: number, state: State): Lead {
    if ((code & 0xf0) === BPF.JA) return { kind: 'go', way: this.at(pc + 1 + k, state) };
    const formula = this.#question(code & 0xf0, state.a, code & BPF.X ? state.x : this.symbols.constant(k), pc);
    if (formula.kind === 'always') return { kind: 'go', way: this.at(pc + 1 + (formula.value ? jt : jf), state) };
    return { kind: 'ask', formula, yes: this.at(pc + 1 + jt, state), no: this.at(pc + 1 + jf, state) };
  }

  #isIn(value: NumberedValue, within: Ranges): Formula {
    return test(this.symbols, value, ALL_BITS, within);
  }

  #question(operation: number, a: NumberedValue, operand: NumberedValue, pc: number): Formula {
    if (operation === BPF.JSET) {
      const common = this.symbols.binary('&', a, operand, pc);
      return this.#isIn(common, complement(single(0)));
    }
    if (operand.value.kind === 'constant') return this.#isIn(a, numbersThat(operation, operand.value.value));
    const sign = SIGNS[operation] ?? '=';
    if (a.value.kind !== 'constant') return { kind: 'comparison', left: a, sign, right: operand };
    // a > x: the numbers that a is greater than.
    const turned = operation === BPF.JEQ ? single(a.value.value) : lessThan(a.value.value, operation === BPF.JGE);
    return this.#isIn(operand, turned);
  }
}

const SIGNS: Readonly<Record<number, Sign>> = { [BPF.JEQ]: '=', [BPF.JGT]: '>', [BPF.JGE]: '>=' };

function numbersThat(operation: number, k: number): Ranges {
  if (operation === BPF.JEQ) return single(k);
  return complement(lessThan(k, operation === BPF.JGT));
}

function lessThan(value: number, orEqual: boolean): Ranges {
  if (orEqual) return between(0, value);
  return value === 0 ? new Uint32Array(0) : between(0, value - 1);
}

/** Makes edges of what ways lead to; questions both of whose answers lead to one place are none. */
function linked(ways: readonly Way[], first: Way): Decisions {
  const targets = new Map<Way, Target>();
  const backwards: Decision[] = [];
  const targetOf = (way: Way): Target => targets.get(way) ?? (way.leads.kind === 'end' ? way.leads.verdict : REJECT);
  for (const way of ways.toReversed()) {
    const { leads } = way;
    if (leads.kind === 'end') targets.set(way, leads.verdict);
    else if (leads.kind === 'go') targets.set(way, targetOf(leads.way));
    else {
      const [yes, no] = [targetOf(leads.yes), targetOf(leads.no)];
      targets.set(way, yes === no ? yes : backwards.push({ formula: leads.formula, yes, no }) - 1);
    }
  }
  const last = backwards.length - 1;
  const turned = (target: Target) => (target < 0 ? target : last - target);
  const decisions = backwards.reverse().map(({ formula, yes, no }) => ({ formula, yes: turned(yes), no: turned(no) }));
  return { decisions, entry: turned(targetOf(first)) };
}
