import type { Packet } from '@bpfleet/bpf';
import { valueIn } from '../ir/evaluate.js';
import type { Value } from '../ir/ir.js';
import { contains } from '../ir/ranges.js';
import { type Graph, REJECT, type Target } from '../optimise/graph.js';
import type { Step } from '../optimise/step.js';

/** How a packet came to a node: the node before, its answer there, and the slots behind it. The first way has none. */
export interface Way {
  readonly before: Way | undefined;
  readonly node: Target;
  readonly answer: boolean;
  readonly slots: ReadonlyMap<number, number>;
}

/** One side of one condition: `2 * node + 1` for "yes". */
export type Edge = number;

export function edgeOf(node: number, answer: boolean): Edge {
  return 2 * node + Number(answer);
}

const NO_SLOTS: ReadonlyMap<number, number> = new Map();

/** A value in the packet behind the way; undefined where it lies outside. */
export function valueBehind(way: Way | undefined, value: Value, packet: Packet): number | undefined {
  return valueIn(value, packet, way?.slots ?? NO_SLOTS);
}

/** What the packet answers; an assignment says yes. Undefined: a load outside the packet, or a division by 0. */
export function answerTo(step: Step, way: Way | undefined, packet: Packet): boolean | undefined {
  if (step.kind === 'compare') {
    const left = valueBehind(way, step.left.value, packet);
    const right = valueBehind(way, step.right.value, packet);
    if (left === undefined || right === undefined) return undefined;
    return step.comparison === 'eq' ? left === right : step.comparison === 'gt' ? left > right : left >= right;
  }
  const value = valueBehind(way, step.value.value, packet);
  if (value === undefined) return undefined;
  return step.kind === 'assign' || contains(step.within, (value & step.mask) >>> 0);
}

/** One node further. */
export function further(way: Way | undefined, node: number, step: Step, answer: boolean, packet: Packet): Way {
  const slots = way?.slots ?? NO_SLOTS;
  if (step.kind !== 'assign') return { before: way, node, answer, slots };
  const value = valueBehind(way, step.value.value, packet) ?? 0;
  return { before: way, node, answer, slots: new Map(slots).set(step.slot, value) };
}

/** Sends the changed packet the same way again; undefined where it goes another. */
export function retraced(graph: Graph, way: Way | undefined, packet: Packet): { way: Way | undefined } | undefined {
  const steps: Way[] = [];
  for (let one = way; one !== undefined; one = one.before) steps.push(one);
  let again: Way | undefined;
  for (const { node, answer } of steps.reverse()) {
    const step = graph.nodes[node]?.step;
    if (step === undefined || answerTo(step, again, packet) !== answer) return undefined;
    again = further(again, node, step, answer, packet);
  }
  return { way: again };
}

/** Where one packet goes and ends; outside the packet means rejected. What was followed once is known from then on. */
class Follower {
  /** By the slots, which an assignment makes anew, and the node: the end. */
  readonly #ends = new Map<ReadonlyMap<number, number>, Map<number, Target>>();

  constructor(
    private readonly graph: Graph,
    private readonly packet: Packet,
  ) {}

  follow(from: Target, before: Way | undefined): { way: Way | undefined; end: Target } {
    let way = before;
    let at = from;
    while (at >= 0) {
      const next = this.#next(at, way);
      if (next === undefined) return { way, end: REJECT };
      ({ way, at } = next);
    }
    return { way, end: at };
  }

  endOf(from: Target, before: Way | undefined): Target {
    const passed: Map<number, Target>[] = [];
    const nodes: number[] = [];
    let way = before;
    let at = from;
    while (at >= 0) {
      const ends = this.#endsBehind(way?.slots ?? NO_SLOTS);
      const known = ends.get(at);
      if (known !== undefined) {
        at = known;
        break;
      }
      passed.push(ends);
      nodes.push(at);
      const next = this.#next(at, way);
      if (next === undefined) at = REJECT;
      else ({ way, at } = next);
    }
    for (const [index, ends] of passed.entries()) ends.set(nodes[index] ?? at, at);
    return at;
  }

  #next(at: Target, before: Way | undefined): { way: Way; at: Target } | undefined {
    const node = this.graph.nodes[at];
    const answer = node && answerTo(node.step, before, this.packet);
    if (node === undefined || answer === undefined) return undefined;
    return { way: further(before, at, node.step, answer, this.packet), at: answer ? node.yes : node.no };
  }

  #endsBehind(slots: ReadonlyMap<number, number>): Map<number, Target> {
    const ends = this.#ends.get(slots) ?? new Map<number, Target>();
    this.#ends.set(slots, ends);
    return ends;
  }
}

/** What a packet tries of the graph. */
export interface Trace {
  readonly edges: readonly Edge[];
  /**
   * Those that decide about the packet: the other answer there would have ended otherwise, so a fault in the condition
   * shows in the verdict.
   */
  readonly deciding: readonly Edge[];
  readonly end: Target;
}

export function trace(graph: Graph, packet: Packet): Trace {
  const follower = new Follower(graph, packet);
  const { way, end } = follower.follow(graph.entry, undefined);
  const edges: Edge[] = [];
  const deciding: Edge[] = [];
  for (let one = way; one !== undefined; one = one.before) {
    const node = graph.nodes[one.node];
    if (node === undefined || node.yes === node.no) continue;
    const edge = edgeOf(one.node, one.answer);
    edges.push(edge);
    const other = one.answer ? node.no : node.yes;
    if (follower.endOf(other, one) !== end) deciding.push(edge);
  }
  return { edges, deciding, end };
}
