import type { Graph, Target } from '../optimise/graph.js';
import type { Step } from '../optimise/step.js';
import { distancesFor, numbersFor } from './candidates.js';
import type { Draft } from './draft.js';
import { bringInside, type Place, solve } from './solve.js';
import { answerTo, further, retraced, valueBehind, type Way } from './way.js';

/** What a packet is wanted for: one answer at one node, by the `variant`-th number that gives it, and then an end. */
export interface Goal {
  readonly node: number;
  readonly answer: boolean;
  readonly variant: number;
  readonly end: Target;
}

/** Answers turned for one packet; where so many do not lead there, mostly none does. */
const MOST_TRIES = 200;
/** Nodes passed for one packet. */
const MOST_STEPS = 20_000;
/**
 * For all packets of a filter together; a node costs as many as stand in front of it, since a changed packet is sent the
 * way again. Filters of a hundred conditions take a fifth. Of thousands that few packets can reach, some are not tried.
 */
const MOST_WORK = 5_000_000;
/** Numbers tried for one answer on the way. */
const MOST_NUMBERS = 4;

/** A packet on its way, and what it does next. */
interface Position {
  readonly at: Target;
  readonly way: Way | undefined;
  readonly draft: Draft;
  /** To be changed there, so that it gives the answer that it does not give. */
  readonly isTurned?: boolean;
}

/** Leads packets through the decision graph, changing bytes where they would go another way. */
export class Search {
  /** Which nodes can lead to the verdict, and to the node that was asked for last. */
  readonly #toEnd = new Map<Target, Uint8Array>();
  /** There are not so many variants. */
  #isExhausted = false;
  #toNode: { readonly node: number; readonly leading: Uint8Array } | undefined;
  #workLeft = MOST_WORK;

  constructor(private readonly graph: Graph) {}

  /** A packet that does so, made from `frame`; undefined where none was found. */
  find(goal: Goal, frame: Draft): Draft | undefined {
    const open: Position[] = [{ at: this.graph.entry, way: undefined, draft: frame }];
    this.#isExhausted = false;
    let tries = 0;
    for (let steps = 0; steps < MOST_STEPS && tries < MOST_TRIES && !this.#isExhausted; steps++) {
      const position = open.pop();
      if (position === undefined) return undefined;
      if (position.at === goal.end) return position.draft;
      this.#workLeft -= 1 + Math.max(0, position.at);
      if (this.#workLeft < 0) return undefined;
      if (position.isTurned || position.at === goal.node) tries++;
      // The best comes last, so that it is tried first.
      if (position.at >= 0) open.push(...this.#next(position, goal).reverse());
    }
    return undefined;
  }

  /** On the way nothing is changed without need: the other answer is tried when this one has led nowhere. */
  #next({ at, way, draft, isTurned = false }: Position, goal: Goal): Position[] {
    const node = this.graph.nodes[at];
    if (node === undefined) return [];
    const inside = this.#inside(node.step, { graph: this.graph, way, draft });
    const now = inside && answerTo(node.step, inside.way, inside.draft.packet);
    if (inside === undefined || now === undefined) return [];
    const on = (answer: boolean, places: () => readonly Place[]): Position[] => {
      const to = answer ? node.yes : node.no;
      if (!this.#leads(at, to, goal)) return [];
      return places().map((place) => ({
        at: to,
        way: further(place.way, at, node.step, answer, place.draft.packet),
        draft: place.draft,
      }));
    };
    if (at === goal.node) return on(goal.answer, () => this.#wanted(node.step, goal, inside, now));
    if (isTurned) return on(!now, () => this.#turned(node.step, !now, inside));
    const straight = on(now, () => [inside]);
    return node.yes === node.no ? straight : [...straight, { at, ...inside, isTurned: true }];
  }

  #turned(step: Step, answer: boolean, place: Place): Place[] {
    return this.#changed(step, answer, place, changesFor(step, answer, place).slice(0, MOST_NUMBERS));
  }

  /** The wanted number of those that give the answer; the first may also be the one that is there. */
  #wanted(step: Step, { answer, variant }: Goal, place: Place, now: boolean): Place[] {
    const changes = changesFor(step, answer, place);
    if (variant > 0 && variant >= changes.length) this.#isExhausted = true;
    const changed = this.#changed(step, answer, place, changes.slice(variant, variant + 1));
    return variant === 0 && answer === now ? [...changed, place] : changed;
  }

  /** With everything that the step loads inside the packet. */
  #inside(step: Step, place: Place): Place | undefined {
    if (answerTo(step, place.way, place.draft.packet) !== undefined) return place;
    const draft = place.draft.copy();
    const values = step.kind === 'compare' ? [step.left, step.right] : [step.value];
    if (!values.every(({ value }) => bringInside(value, { ...place, draft }))) return undefined;
    return this.#onTheSameWay({ ...place, draft });
  }

  #onTheSameWay(place: Place): Place | undefined {
    const again = retraced(this.graph, place.way, place.draft.packet);
    return again && { ...place, way: again.way };
  }

  /** The packet as each change leaves it, where it still comes here and then gives the answer. */
  #changed(step: Step, answer: boolean, place: Place, changes: readonly Change[]): Place[] {
    return changes.flatMap((change) => {
      const draft = place.draft.copy();
      const changed = change({ ...place, draft }) ? this.#onTheSameWay({ ...place, draft }) : undefined;
      return changed !== undefined && answerTo(step, changed.way, draft.packet) === answer ? [changed] : [];
    });
  }

  /** Whether the way to `to` can still come to the goal. */
  #leads(from: number, to: Target, { node, end }: Goal): boolean {
    if (from < node) return to === node || (to >= 0 && to < node && this.#leadingToNode(node)[to] === 1);
    return to === end || (to >= 0 && this.#leadingToEnd(end)[to] === 1);
  }

  #leadingToEnd(end: Target): Uint8Array {
    const leading = this.#toEnd.get(end) ?? leadingTo(end, this.graph);
    this.#toEnd.set(end, leading);
    return leading;
  }

  #leadingToNode(node: number): Uint8Array {
    if (this.#toNode?.node !== node) this.#toNode = { node, leading: leadingTo(node, this.graph) };
    return this.#toNode.leading;
  }
}

function leadingTo(target: Target, { nodes }: Graph): Uint8Array {
  const leading = new Uint8Array(nodes.length);
  const isOn = (to: Target) => to === target || (to >= 0 && leading[to] === 1);
  for (let index = nodes.length - 1; index >= 0; index--) {
    const node = nodes[index];
    if (node && (isOn(node.yes) || isOn(node.no))) leading[index] = 1;
  }
  return leading;
}

type Change = (place: Place) => boolean;

/** What may be done to get the answer. */
function changesFor(step: Step, answer: boolean, { graph, way }: Place): readonly Change[] {
  switch (step.kind) {
    case 'assign':
      return [];
    case 'test':
      return numbersFor(step, answer, way, graph).map(
        ({ number, mask }) =>
          (place) =>
            solve(step.value.value, number, mask, place),
      );
    case 'compare': {
      const [left, right] = [step.left.value, step.right.value];
      return distancesFor(step, answer).flatMap((distance): Change[] => [
        (place) => {
          const other = valueBehind(place.way, right, place.draft.packet);
          return other !== undefined && solve(left, (other + distance) >>> 0, 0xffff_ffff, place);
        },
        (place) => {
          const other = valueBehind(place.way, left, place.draft.packet);
          return other !== undefined && solve(right, (other - distance) >>> 0, 0xffff_ffff, place);
        },
      ]);
    }
  }
}
