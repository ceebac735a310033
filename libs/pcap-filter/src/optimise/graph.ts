import type { Compare, Condition, Ir, Value } from '../ir/ir.js';
import {
  ALL_BITS,
  between,
  complement,
  EVERYTHING,
  isSame,
  NOTHING,
  onlyValue,
  type Ranges,
  single,
} from '../ir/ranges.js';
import { simplify } from './simplify.js';
import type { Step } from './step.js';
import { type NumberedValue, ValueTable } from './values.js';

/** Where an edge leads: a node's index, or one of the two verdicts. */
export type Target = number;
export const ACCEPT: Target = -1;
export const REJECT: Target = -2;

/** The two ways on from a node. */
export interface Ways {
  readonly yes: Target;
  readonly no: Target;
}

/** One condition, or one assignment. Where both ways of a test are the same, only its loads matter. */
export interface Node extends Ways {
  readonly step: Step;
}

/**
 * The decision graph: what `lower` joined, as steps and jumps. Nodes stand in program order, every edge leads to a
 * higher index, as cBPF jumps only forward; so one sweep visits every node after all that lead to it.
 */
export interface Graph<Kind extends Ways = Node> {
  readonly nodes: readonly Kind[];
  readonly entry: Target;
}

/**
 * Makes one node of each condition, in the order of the text; nothing is shared or left out yet.
 * Works from the right to the left, because a condition's two ways on must be there before it.
 */
export function buildGraph(ir: Ir): { graph: Graph; steps: StepTable } {
  const steps = new StepTable();
  const backwards: Node[] = [];
  const entry = build(ir, ACCEPT, REJECT, steps, backwards);
  const last = backwards.length - 1;
  const turned = (target: Target) => (target < 0 ? target : last - target);
  const nodes = backwards.reverse().map(({ step, yes, no }) => ({ step, yes: turned(yes), no: turned(no) }));
  return { graph: { nodes, entry: turned(entry) }, steps };
}

function build(part: Ir, yes: Target, no: Target, steps: StepTable, backwards: Node[]): Target {
  switch (part.kind) {
    case 'leaf': {
      const condition = part.leaf;
      if (condition.kind === 'always') return condition.value ? yes : no;
      const step = steps.stepOf(condition);
      return backwards.push({ step, yes, no: step.kind === 'assign' ? yes : no }) - 1;
    }
    case 'not':
      return build(part.operand, no, yes, steps, backwards);
    case 'chain': {
      let [onYes, onNo] = [yes, no];
      for (let index = part.rest.length - 1; index >= 0; index--) {
        const link = part.rest[index];
        if (link === undefined) continue;
        const next = build(link.operand, onYes, onNo, steps, backwards);
        if (link.operator === 'and') onYes = next;
        else onNo = next;
      }
      return build(part.first, onYes, onNo, steps, backwards);
    }
  }
}

/** Gives equal steps one number. */
export class StepTable {
  readonly values = new ValueTable();
  readonly #steps = new Map<string, Step>();
  /** Sets of ranges are compared by what is in them, once. */
  readonly #rangeIds = new Map<Ranges, number>();
  readonly #rangesByHash = new Map<number, Ranges[]>();

  stepOf(condition: Exclude<Condition, { kind: 'always' }>): Step {
    switch (condition.kind) {
      case 'test':
        return this.test(this.#numbered(condition.value), condition.mask, condition.within);
      case 'compare': {
        const left = this.#numbered(condition.left);
        const right = this.#numbered(condition.right);
        return this.compare(left, condition.comparison, right);
      }
      case 'assign':
        return this.assign(condition.slot, this.#numbered(condition.value));
    }
  }

  test(value: NumberedValue, mask: number, within: Ranges): Step {
    const only = onlyValue(within);
    const key = `t${value.id} ${mask} ${only === undefined ? `r${this.#rangeId(within)}` : only}`;
    const known = this.#steps.get(key);
    if (known !== undefined) return known;
    const { loads, slots } = value;
    return this.#keep(key, { kind: 'test', id: this.#steps.size, loads, slots, value, mask, within, only });
  }

  /** A comparison with a constant is a test. */
  compare(left: NumberedValue, comparison: Compare['comparison'], right: NumberedValue): Step {
    const [a, b] = [left.value, right.value];
    if (b.kind === 'constant') return this.test(left, ALL_BITS, numbersThat(comparison, b.value));
    if (a.kind === 'constant') {
      // a > right, turned round.
      const isTurned = comparison !== 'eq';
      const within = isTurned ? complement(numbersThat(comparison === 'gt' ? 'ge' : 'gt', a.value)) : single(a.value);
      return this.test(right, ALL_BITS, within);
    }
    const key = `c${left.id} ${comparison} ${right.id}`;
    const known = this.#steps.get(key);
    if (known !== undefined) return known;
    const loads = [...right.loads, ...left.loads];
    const slots = [...right.slots, ...left.slots];
    return this.#keep(key, { kind: 'compare', id: this.#steps.size, loads, slots, left, comparison, right });
  }

  /** Only loads the value. */
  loadOf(value: NumberedValue): Step {
    return this.test(value, ALL_BITS, EVERYTHING);
  }

  assign(slot: number, value: NumberedValue): Step {
    const key = `a${slot} ${value.id}`;
    const known = this.#steps.get(key);
    if (known !== undefined) return known;
    const { loads, slots } = value;
    return this.#keep(key, { kind: 'assign', id: this.#steps.size, loads, slots, slot, value });
  }

  #numbered(value: Value): NumberedValue {
    return this.values.number(simplify(value, NOTHING_KNOWN));
  }

  #keep(key: string, step: Step): Step {
    this.#steps.set(key, step);
    return step;
  }

  #rangeId(ranges: Ranges): number {
    const known = this.#rangeIds.get(ranges);
    if (known !== undefined) return known;
    const hash = hashOf(ranges);
    const alike = this.#rangesByHash.get(hash) ?? [];
    this.#rangesByHash.set(hash, alike);
    const same = alike.find((other) => isSame(other, ranges));
    const id = (same && this.#rangeIds.get(same)) ?? this.#rangeIds.size;
    this.#rangeIds.set(ranges, id);
    if (same === undefined) alike.push(ranges);
    return id;
  }
}

const NOTHING_KNOWN = () => undefined;

/** FNV-1a over words. */
function hashOf(ranges: Ranges): number {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < ranges.length; index++) hash = Math.imul(hash ^ (ranges[index] ?? 0), 0x0100_0193);
  return hash;
}

function numbersThat(comparison: Compare['comparison'], value: number): Ranges {
  if (comparison === 'eq') return single(value);
  const least = comparison === 'gt' ? value + 1 : value;
  return least > ALL_BITS ? NOTHING : between(least, ALL_BITS);
}

/** A test that every number passes: what counts is that its loads are inside the packet. */
export function isLoadOnly(step: Step): boolean {
  return step.kind === 'test' && step.within.length === 2 && step.within[0] === 0 && step.within[1] === ALL_BITS;
}

/** Whether any packet can be accepted. */
export function canAccept({ nodes, entry }: Graph<Ways>): boolean {
  const reached = new Uint8Array(nodes.length);
  if (entry < 0) return entry === ACCEPT;
  reached[entry] = 1;
  for (let index = entry; index < nodes.length; index++) {
    const node = nodes[index];
    if (node === undefined || !reached[index]) continue;
    const { yes, no } = node;
    if (yes === ACCEPT || no === ACCEPT) return true;
    if (yes >= 0) reached[yes] = 1;
    if (no >= 0) reached[no] = 1;
  }
  return false;
}
