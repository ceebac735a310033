import type { Packet } from '@bpfleet/bpf';
import { valueIn } from '../../../libs/pcap-filter/src/ir/evaluate.js';
import type { Value } from '../../../libs/pcap-filter/src/ir/ir.js';
import {
  ALL_BITS,
  between,
  complement,
  contains,
  NOTHING,
  type Ranges,
  single,
} from '../../../libs/pcap-filter/src/ir/ranges.js';
import { ACCEPT, type Graph } from '../../../libs/pcap-filter/src/optimise/graph.js';
import type { Step } from '../../../libs/pcap-filter/src/optimise/step.js';
import { operandsOf } from '../../../libs/pcap-filter/src/optimise/values.js';
import { type Answered, isPossible } from '../oracle/possible.js';

type Slots = ReadonlyMap<number, number>;

/** Runs a decision graph node by node; a load outside the packet, or a division by 0, is “no”. */
export function accepts(graph: Graph, packet: Packet): boolean {
  return runOf(graph, packet) === 'accepts';
}

/** How the run ends. */
export function runOf({ nodes, entry }: Graph, packet: Packet): 'accepts' | 'refuses' | 'outside' | 'division' {
  let slots: Slots = new Map();
  let target = entry;
  for (;;) {
    const node = nodes[target];
    if (node === undefined) return target === ACCEPT ? 'accepts' : 'refuses';
    const { step } = node;
    const numbers = valuesOf(step).map((value) => valueIn(value, packet, slots));
    const [first, second] = numbers;
    if (first === undefined || numbers.includes(undefined)) {
      return valuesOf(step).some((value) => divides(value, packet, slots)) ? 'division' : 'outside';
    }
    if (step.kind === 'assign') slots = new Map(slots).set(step.slot, first);
    target = step.kind === 'assign' || answer(step, first, second ?? 0) ? node.yes : node.no;
  }
}

/**
 * The answers that are left when what is outside the packet is left out with its questions: each such question is followed both
 * ways, but for what contradicts an earlier answer about the same number. Assignments and divisions are never left out.
 */
export function answersWithoutMissing({ nodes, entry }: Graph, packet: Packet): Set<boolean> {
  const answers = new Set<boolean>();
  const follow = (target: number, slots: Slots, asked: ReadonlyMap<string, readonly Answered[]>): void => {
    const node = nodes[target];
    if (node === undefined) {
      answers.add(target === ACCEPT);
      return;
    }
    const { step } = node;
    const values = valuesOf(step);
    const [first, second] = values.map((value) => valueIn(value, packet, slots));
    if (first !== undefined && (second !== undefined || values.length === 1)) {
      const isAssigned = step.kind === 'assign';
      const next = isAssigned ? new Map(slots).set(step.slot, first) : slots;
      follow(isAssigned || answer(step, first, second ?? 0) ? node.yes : node.no, next, asked);
      return;
    }
    if (step.kind === 'assign' || values.some((value) => divides(value, packet, slots))) {
      answers.add(false);
      return;
    }
    const { name, bits, question } = questionOf(step, packet, slots);
    const before = asked.get(name) ?? [];
    for (const isYes of [true, false]) {
      const after = [...before, { ...question, answer: isYes }];
      if (before.length > 0 && isPossible(before, bits) && !isPossible(after, bits)) continue;
      follow(isYes ? node.yes : node.no, slots, new Map(asked).set(name, after));
    }
  };
  follow(entry, new Map(), new Map());
  return answers;
}

function valuesOf(step: Step): readonly Value[] {
  return step.kind === 'compare' ? [step.left.value, step.right.value] : [step.value.value];
}

function answer(step: Exclude<Step, { kind: 'assign' }>, left: number, right: number): boolean {
  if (step.kind === 'test') return contains(step.within, (left & step.mask) >>> 0);
  if (step.comparison === 'eq') return left === right;
  return step.comparison === 'gt' ? left > right : left >= right;
}

/** What is asked of which number that is missing. */
function questionOf(step: Exclude<Step, { kind: 'assign' }>, packet: Packet, slots: Slots) {
  const of = (value: Value, mask: number, within: Ranges) => {
    const bits = value.kind === 'load' ? 8 * value.size : 32;
    return { name: named(value, packet, slots), bits, question: { mask, within } };
  };
  if (step.kind === 'test') return of(step.value.value, step.mask, step.within);
  const [left, right] = [step.left.value, step.right.value];
  const [a, b] = [left, right].map((value) => valueIn(value, packet, slots));
  if (b !== undefined) return of(left, ALL_BITS, LEFT[step.comparison](b));
  if (a !== undefined) return of(right, ALL_BITS, RIGHT[step.comparison](a));
  // Two numbers compared are a number of their own, 1 or 0.
  const name = `${named(left, packet, slots)} ${step.comparison} ${named(right, packet, slots)}`;
  return { name, bits: 1, question: { mask: 1, within: single(1) } };
}

const upTo = (most: number) => (most < 0 ? NOTHING : between(0, most));
/** The numbers on one side of a comparison with what is known on the other. */
const LEFT = { eq: single, gt: (b: number) => complement(upTo(b)), ge: (b: number) => complement(upTo(b - 1)) };
const RIGHT = { eq: single, gt: (a: number) => upTo(a - 1), ge: upTo };

/** The same number has the same name, wherever its place and its operands come from. */
function named(value: Value, packet: Packet, slots: Slots): string {
  const known = valueIn(value, packet, slots);
  if (known !== undefined) return `${known}`;
  const [left = '', right = ''] = operandsOf(value).map((operand) => named(operand, packet, slots));
  switch (value.kind) {
    case 'load':
      return /^\d*$/.test(left)
        ? `[${(Number(left) + value.offset) >>> 0}:${value.size}]`
        : `[${left} + ${value.offset}:${value.size}]`;
    case 'binary':
      return `(${left} ${value.operator} ${right})`;
    default:
      return `${value.kind} ${left}`;
  }
}

/** Whether a division by what is 0, or by what is missing, is in it. */
function divides(value: Value, packet: Packet, slots: Slots): boolean {
  if (operandsOf(value).some((operand) => divides(operand, packet, slots))) return true;
  if (value.kind !== 'binary' || (value.operator !== '/' && value.operator !== '%')) return false;
  return (valueIn(value.right, packet, slots) ?? 0) === 0;
}
