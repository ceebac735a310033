import { ACCEPT } from '../optimise/graph.js';
import type { Decisions } from './decisions.js';
import { all, any, excludes, FALSE, type Formula, negate, sizeOf, TRUE } from './formula.js';
import { refuse } from './refusal.js';
import type { Symbols } from './symbols.js';

/** Questions an expression may ask; a longer one says nothing to a reader. */
const MOST_QUESTIONS = 5_000;

type Exit = Node | 'accept' | 'reject';

interface Node {
  formula: Formula;
  yes: Exit;
  no: Exit;
  /** How many ways lead to it. */
  entered: number;
}

/**
 * Joins decisions by and, or, not until one formula is left: the condition under which the program accepts.
 * Two decisions of which the second has no other way to it and shares an exit with the first are one (short-circuit
 * conditions, as a compiler made them); so are a decision and its two answers that leave for the same two places. Where
 * neither is found, the smallest decision with several ways to it is written once for each.
 * @throws CannotSay when that makes the formula too long
 */
export function structure({ decisions, entry }: Decisions, symbols: Symbols): Formula {
  const nodes: Node[] = [];
  const exitTo = (target: number): Exit => nodes[target] ?? (target === ACCEPT ? 'accept' : 'reject');
  for (const [index, { formula, yes, no }] of [...decisions.entries()].reverse()) {
    nodes[index] = { formula, yes: exitTo(yes), no: exitTo(no), entered: 0 };
  }
  return new Joining(nodes, exitTo(entry), symbols).finish();
}

class Joining {
  /** @param nodes in an order in which each leads only to later ones */
  constructor(
    private nodes: Node[],
    private first: Exit,
    private readonly symbols: Symbols,
  ) {}

  finish(): Formula {
    for (;;) {
      this.#joinAll();
      if (typeof this.first === 'string') return this.first === 'accept' ? TRUE : FALSE;
      const { formula, yes, no } = this.first;
      if (typeof yes === 'string' && typeof no === 'string') {
        return yes === 'accept' ? formula : negate(this.symbols, formula);
      }
      this.#copyCheapest();
    }
  }

  /** From the end, so that what a decision leads to is as short as it gets; again while that brings something new. */
  #joinAll(): void {
    for (let before = -1; before !== this.nodes.length; ) {
      this.#dropUnreached();
      before = this.nodes.length;
      for (const node of this.nodes.toReversed()) while (this.#joinOnce(node));
      this.#dropUnreached();
    }
  }

  #joinOnce(node: Node): boolean {
    const { symbols } = this;
    // Turned so that "yes" accepts or "no" rejects, where one does: equal exits are found, and read as people write.
    if (node.yes === 'reject' || node.no === 'accept') {
      Object.assign(node, { formula: negate(symbols, node.formula), yes: node.no, no: node.yes });
    }
    const { formula, yes, no } = node;
    const [onYes, onNo] = [onlyFrom(yes), onlyFrom(no)];
    if (onYes?.no === no) return become(node, all(symbols, [formula, onYes.formula]), onYes.yes, no);
    if (onNo?.yes === yes) return become(node, any(symbols, [formula, onNo.formula]), yes, onNo.no);
    if (onYes?.yes === no) {
      return become(node, any(symbols, [negate(symbols, formula), onYes.formula]), no, onYes.no);
    }
    if (onNo?.no === yes) {
      return become(node, all(symbols, [negate(symbols, formula), onNo.formula]), onNo.yes, yes);
    }
    if (onYes === undefined || onNo === undefined) return false;
    const isTurned = onYes.yes === onNo.no && onYes.no === onNo.yes;
    if (!isTurned && (onYes.yes !== onNo.yes || onYes.no !== onNo.no)) return false;
    const otherwise = isTurned ? negate(symbols, onNo.formula) : onNo.formula;
    return become(node, either(symbols, formula, onYes.formula, otherwise), onYes.yes, onYes.no);
  }

  /** Leads past what is decided, drops what no way leads to, and counts ways. */
  #dropUnreached(): void {
    const past = new Map<Node, Exit>();
    const follow = (exit: Exit): Exit => (typeof exit === 'string' ? exit : (past.get(exit) ?? exit));
    for (const node of this.nodes.toReversed()) {
      node.entered = 0;
      node.yes = follow(node.yes);
      node.no = follow(node.no);
      if (node.formula.kind === 'always') past.set(node, node.formula.value ? node.yes : node.no);
      else if (node.yes === node.no) past.set(node, node.yes);
    }
    this.first = follow(this.first);
    enter(this.first);
    this.nodes = this.nodes.filter((node) => {
      if (node.entered === 0) return false;
      enter(node.yes);
      enter(node.no);
      return true;
    });
  }

  /** The cheapest decision with several ways to it stands once for each of them. */
  #copyCheapest(): void {
    const costOf = ({ formula, entered }: Node) => sizeOf(formula) * (entered - 1);
    const ends = this.nodes.filter(
      ({ yes, no, entered }) => entered > 1 && typeof yes === 'string' && typeof no === 'string',
    );
    const cheapest = ends.reduce((one, other) => (costOf(other) < costOf(one) ? other : one));
    const copies: Node[] = [];
    const own = (exit: Exit): Exit => {
      if (exit !== cheapest) return exit;
      const copy = { ...cheapest };
      copies.push(copy);
      return copy;
    };
    for (const node of this.nodes) {
      node.yes = own(node.yes);
      node.no = own(node.no);
    }
    this.nodes = this.nodes.flatMap((node) => (node === cheapest ? copies : [node]));
    const questions = this.nodes.reduce((sum, { formula }) => sum + sizeOf(formula), 0);
    if (questions > MOST_QUESTIONS) {
      refuse('TOO_MANY_WAYS', undefined, `its ways cross so often that it would be ${questions} questions and more`);
    }
  }
}

function onlyFrom(exit: Exit): Node | undefined {
  return typeof exit === 'string' || exit.entered !== 1 ? undefined : exit;
}

function enter(exit: Exit): void {
  if (typeof exit !== 'string') exit.entered++;
}

function leave(exit: Exit): void {
  if (typeof exit === 'string' || --exit.entered > 0) return;
  leave(exit.yes);
  leave(exit.no);
}

function become(node: Node, formula: Formula, yes: Exit, no: Exit): true {
  enter(yes);
  enter(no);
  leave(node.yes);
  leave(node.no);
  Object.assign(node, { formula, yes, no });
  return true;
}

/** `condition ? then : otherwise`, without what the other side says anyway. */
function either(symbols: Symbols, condition: Formula, then: Formula, otherwise: Formula): Formula {
  const opposite = negate(symbols, condition);
  const first = excludes(then, opposite) ? then : all(symbols, [condition, then]);
  const second = excludes(otherwise, condition) ? otherwise : all(symbols, [opposite, otherwise]);
  return any(symbols, [first, second]);
}
