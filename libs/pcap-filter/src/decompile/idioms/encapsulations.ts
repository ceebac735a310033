import { complement, intersection } from '../../ir/ranges.js';
import type { Question } from '../formula.js';
import type { Symbols } from '../symbols.js';
import type { Shape, Shapes } from './shapes.js';
import { type Form, type Term, Terms } from './terms.js';

/** What was written in front, and what is left to say behind it. */
export interface Opened {
  /** Undefined: nothing stands in front. */
  readonly outer: Term | undefined;
  readonly rest: Shape;
}

/** More tags and labels in a row than anybody stacks. */
const DEEPEST = 4;

/**
 * Takes off what moves the terms behind it: `vlan 5`, `mpls 16`, `pppoes`, one behind the other, where a conjunction begins
 * with them.
 */
export function openEncapsulations(shape: Shape, symbols: Symbols, shapes: Shapes, form: Form): Opened {
  let opened: Opened = { outer: undefined, rest: shape };
  for (let depth = 0; depth < DEEPEST; depth++) {
    const next = openOne(opened, shape, symbols, shapes, form);
    if (next === undefined) return opened;
    opened = next;
  }
  return opened;
}

function openOne(
  { outer, rest }: Opened,
  whole: Shape,
  symbols: Symbols,
  shapes: Shapes,
  form: Form,
): Opened | undefined {
  if (rest.kind === 'leaf' || rest.kind === 'always') return undefined;
  const terms = new Terms(symbols, shapes, form, outer);
  for (const word of encapsulationsIn(rest.kind === 'all' ? questionsOf(rest.parts.slice(0, 3)) : []))
    terms.propose(word);
  // The one that says most: `vlan 5` before `vlan`.
  const fitting = [...terms.all()]
    .filter(({ text, shape }) => !text.startsWith('not ') && shapes.behind(shape, rest) !== undefined)
    .sort((one, other) => partsOf(other.shape) - partsOf(one.shape));
  const [best] = fitting;
  if (best === undefined) return undefined;
  const behind = shapes.behind(best.shape, rest);
  const front = outer === undefined ? best.shape : shapes.join('all', [outer.shape, best.shape]);
  if (behind === undefined || shapes.behind(front, whole) === undefined) return undefined;
  return {
    outer: { text: outer === undefined ? best.text : `${outer.text} and ${best.text}`, shape: front },
    rest: behind,
  };
}

function questionsOf(parts: readonly Shape[]): Question[] {
  return parts.flatMap((part) => (part.kind === 'leaf' ? [part.question] : []));
}

function partsOf(shape: Shape): number {
  return shape.kind === 'all' ? shape.parts.length : 1;
}

/** By the numbers that stand where an identifier would. */
export function* encapsulationsIn(questions: Iterable<Question>): Iterable<string> {
  for (const question of questions) {
    if (question.kind !== 'test') continue;
    const { mask, within, value } = question;
    // Or all but one, where it is denied.
    const asked = within.length === 2 ? within : intersection(complement(within), Uint32Array.of(0, mask));
    const [from = 0, to = 0] = asked;
    if (asked.length !== 2 || value.value.kind !== 'load') continue;
    if (from === to && mask === VLAN_ID) yield `vlan ${from}`;
    if (from === to && mask === SESSION) yield `pppoes ${from}`;
    // A label is the first 20 bits of a word (RFC 3032).
    if (value.value.size === 4 && to - from === 0xfff) yield `mpls ${from >>> 12}`;
  }
  yield* ['vlan', 'mpls', 'pppoes'];
}

const VLAN_ID = 0xfff;
/** Loaded as a word with what stands in front (RFC 2516). */
const SESSION = 0xffff;
