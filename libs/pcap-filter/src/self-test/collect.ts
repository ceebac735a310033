import { ACCEPT, type Graph, REJECT } from '../optimise/graph.js';
import type { Draft } from './draft.js';
import { type Goal, Search } from './search.js';
import { type Edge, edgeOf, type Trace, trace } from './way.js';

/** A packet and what it tries. */
export interface Found {
  readonly draft: Draft;
  readonly trace: Trace;
}

/** Numbers beside a condition's borders that are tried, each in a packet of its own. */
const VARIANTS = 6;

/**
 * Looks for packets for both sides of every condition: one that is accepted by the one answer, and from it, with as
 * little changed as possible, one that is rejected for the other.
 */
export class Collection {
  readonly found: Found[] = [];
  readonly #deciding = new Set<Edge>();
  /** By the answer that decided. */
  readonly #accepted = new Map<Edge, Draft>();
  /** What was not found once is not looked for again. */
  readonly #failed = new Set<string>();
  readonly #search: Search;

  /** @param most stops there: conditions further on are left to the packets that come by */
  constructor(
    private readonly graph: Graph,
    private readonly frames: readonly Draft[],
    private readonly most: number,
  ) {
    this.#search = new Search(graph);
    for (const frame of frames) this.#add(frame);
  }

  collect(): readonly Found[] {
    const conditions = this.#spread([...this.graph.nodes.keys()].filter((index) => this.#isCondition(index)));
    for (const node of conditions) if (!this.#isDecided(node)) this.#bothSides(node, 0);
    for (let variant = 0; variant < VARIANTS; variant++) {
      for (const node of conditions) this.#bothSides(node, variant);
    }
    return this.found;
  }

  /** Of more conditions than packets some from everywhere come first. */
  #spread(conditions: readonly number[]): readonly number[] {
    const step = Math.ceil((4 * conditions.length) / this.most);
    const rounds = Array.from({ length: step }, (_, start) => conditions.filter((_, index) => index % step === start));
    return rounds.flat();
  }

  #isCondition(index: number): boolean {
    const node = this.graph.nodes[index];
    return node !== undefined && node.yes !== node.no;
  }

  #bothSides(node: number, variant: number): void {
    for (const answer of [true, false]) {
      if (this.found.length >= this.most) return;
      const accepted =
        this.#find({ node, answer, variant, end: ACCEPT }, this.frames) ?? this.#accepted.get(edgeOf(node, answer));
      if (accepted) this.#find({ node, answer: !answer, variant, end: REJECT }, [accepted, ...this.frames]);
      else if (variant === 0) this.#find({ node, answer, variant, end: REJECT }, this.frames);
    }
  }

  #isDecided(node: number): boolean {
    return this.#deciding.has(edgeOf(node, true)) && this.#deciding.has(edgeOf(node, false));
  }

  #find(goal: Goal, frames: readonly Draft[]): Draft | undefined {
    const key = `${goal.node} ${goal.answer} ${goal.end}`;
    if (this.#failed.has(key)) return undefined;
    for (const frame of frames) {
      const draft = this.#search.find(goal, frame);
      if (draft === undefined) continue;
      this.#add(draft);
      return draft;
    }
    this.#failed.add(key);
    return undefined;
  }

  #add(draft: Draft): void {
    const found = { draft, trace: trace(this.graph, draft.packet) };
    const { deciding, end } = found.trace;
    for (const edge of deciding) {
      this.#deciding.add(edge);
      if (end === ACCEPT && !this.#accepted.has(edge)) this.#accepted.set(edge, draft);
    }
    this.found.push(found);
  }
}
