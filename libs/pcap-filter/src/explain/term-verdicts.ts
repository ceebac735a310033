import type { Span } from '@bpfleet/errors';
import { builtInNames, type CompileOptions, lowerOptionsOf } from '../compile.js';
import { type Frame, holdsThreeValued, joinedVerdicts, type KnownPacket } from '../ir/evaluate-three-valued.js';
import type { Ir } from '../ir/ir.js';
import { lex } from '../lex/lex.js';
import type { Logic } from '../logic.js';
import { lowerInParts } from '../lower/lower.js';
import { parse } from '../parse/parse.js';
import type { Term } from '../parse/tree.js';
import type { Meaning } from '../resolve/meaning.js';
import { resolverOf } from '../resolve/names.js';
import { resolveTerms } from '../resolve/resolve.js';
import { wordsOf } from './words.js';

/** What one term of an expression says of one packet. */
export interface TermVerdict {
  /** Its place in the expression, qualifiers included. */
  readonly span: Span;
  /** What it asks, as a clause: “carries IPv4”. */
  readonly words: string;
  /** Of the term alone, without a `not` in front of it. */
  readonly verdict: 'yes' | 'no' | 'undecided';
  /** False where the terms before it had decided. */
  readonly asked: boolean;
  /** It reads behind the packet's end: that ends the evaluation with "no", also under `not`. */
  readonly endsHere: boolean;
}

export interface TermVerdicts {
  /** Of the whole expression, as far as its terms each for themselves decide it. */
  readonly verdict: TermVerdict['verdict'];
  /** In the order of the text. */
  readonly terms: readonly TermVerdict[];
}

/**
 * Of lists each value counts here, which a program joins to one set: four times what that has room for, 10,900 hosts or 4,200 ports.
 * Bounded, since each costs time and memory.
 */
const MOST_CONDITIONS = 98_304;

/**
 * Says for each term of an expression whether it holds for this packet.
 * @param packet as the form asks for it: with `live`, the outer VLAN tag beside the bytes
 * @throws BpfleetError as `compile`, without `NEVER_MATCHES`; `FILTER_TOO_LARGE` for more terms than can be shown each
 */
export function termVerdicts(expression: string, packet: KnownPacket, options: CompileOptions = {}): TermVerdicts {
  const tree = parse(lex(expression));
  if (tree === undefined) return { verdict: 'yes', terms: [] };
  const names = options.names === undefined ? builtInNames : resolverOf(options.names);
  const meanings = resolveTerms(tree, names);
  const { prologue, body } = lowerInParts(meanings, lowerOptionsOf(options), MOST_CONDITIONS);
  const frame: Frame = { packet, slots: new Map(), mayEnd: false };
  const begin = prologue.map((part) => holdsThreeValued(part, frame));
  const asking = new Asking(expression, frame, begin.includes('outside'));
  const held = asking.within(tree, meanings as Logic<Meaning>, body, 'surely');
  const isOpen = held === true && frame.mayEnd;
  return { verdict: asking.hasEnded ? 'no' : verdictOf(isOpen ? undefined : held), terms: asking.terms };
}

/** Whether the terms before one left it to be asked. */
type Asked = 'surely' | 'perhaps' | 'no';

class Asking {
  readonly terms: TermVerdict[] = [];

  constructor(
    private readonly expression: string,
    private readonly frame: Frame,
    public hasEnded: boolean,
  ) {}

  /** The three have one shape down to the terms; a term stands for more in the later ones. */
  within(tree: Logic<Term>, meanings: Logic<Meaning>, ir: Ir, asked: Asked): boolean | undefined {
    if (tree.kind === 'leaf') return this.#ask(tree.leaf, meanings, ir, this.hasEnded ? 'no' : asked);
    if (tree.kind === 'not' && meanings.kind === 'not' && ir.kind === 'not') {
      const held = this.within(tree.operand, meanings.operand, ir.operand, asked);
      return held === undefined ? undefined : !held;
    }
    if (tree.kind !== 'chain' || meanings.kind !== 'chain' || ir.kind !== 'chain') {
      throw new Error('the stages of an expression differ in shape');
    }
    let result = this.within(tree.first, meanings.first, ir.first, asked);
    for (const [index, { operator, operand }] of tree.rest.entries()) {
      const isDecided = result === (operator === 'or');
      const next = isDecided ? 'no' : result === undefined && asked === 'surely' ? 'perhaps' : asked;
      const held = this.within(operand, meanings.rest[index]!.operand, ir.rest[index]!.operand, next);
      if (!isDecided) result = joinedVerdicts(result, operator, held);
    }
    return result;
  }

  #ask(term: Term, meanings: Logic<Meaning>, ir: Ir, asked: Asked): boolean | undefined {
    const frame = asked === 'surely' ? this.frame : { ...this.frame, slots: new Map(this.frame.slots) };
    const held = holdsThreeValued(ir, frame);
    if (asked === 'perhaps') this.#forget(frame);
    const isOutside = held === 'outside';
    const endsHere = isOutside && asked === 'surely';
    if (endsHere) this.hasEnded = true;
    const known = isOutside ? false : held;
    const span = spanOf(term, this.expression);
    const words = clausesOf(meanings).join(' or ');
    this.terms.push({ span, words, verdict: verdictOf(known), asked: asked !== 'no', endsHere });
    if (!isOutside || asked !== 'perhaps') return known;
    // It ends everything with "no", or is not asked.
    this.frame.mayEnd = true;
    return undefined;
  }

  /** What a term that is perhaps asked puts into slots is not known. */
  #forget(changed: Frame): void {
    const { slots } = this.frame;
    for (const [slot, value] of changed.slots) {
      if (!slots.has(slot) || slots.get(slot) !== value) slots.set(slot, undefined);
    }
    this.frame.mayEnd = changed.mayEnd;
  }
}

const verdictOf = (held: boolean | undefined): TermVerdict['verdict'] =>
  held === undefined ? 'undecided' : held ? 'yes' : 'no';

/** Qualifiers that stand directly in front of the value are of the term; in a list, later values take them over. */
function spanOf(term: Term, expression: string): Span {
  if (term.kind !== 'primitive') return term.span;
  const { span: qualifiers } = term.qualifiers;
  const isDirectly =
    qualifiers.start < term.span.start && /^\s*$/.test(expression.slice(qualifiers.end, term.span.start));
  return { start: isDirectly ? qualifiers.start : term.span.start, end: term.span.end };
}

/** A term with several meanings matches where one of them does. */
function clausesOf(meanings: Logic<Meaning>): string[] {
  switch (meanings.kind) {
    case 'leaf':
      return [wordsOf(meanings.leaf)];
    case 'not':
      return clausesOf(meanings.operand).map((clause) => `not: ${clause}`);
    case 'chain':
      return [clausesOf(meanings.first), ...meanings.rest.map(({ operand }) => clausesOf(operand))].flat();
  }
}
