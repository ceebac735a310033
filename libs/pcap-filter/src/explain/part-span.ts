import type { Span } from '@bpfleet/errors';
import type { Token } from '../lex/token.js';
import type { Logic } from '../logic.js';
import type { Primitive, Term, Tree } from '../parse/tree.js';
import type { Meaning } from '../resolve/meaning.js';

/** From the first word of a part to its last value, with the qualifiers and the “not” in front of its first value. */
export function partSpan(
  part: Logic<Meaning>,
  tokens: readonly Token[],
  primitives: readonly Primitive[],
): Span | undefined {
  const [first, last] = [endOf(part, 'first'), endOf(part, 'last')];
  if (first.meaning.span === undefined || last.meaning.span === undefined) return undefined;
  let { start } = first.meaning.span;
  const tokenBefore = () => tokens.findLast(({ span }) => span.end <= start && span.start < start);
  const qualifiers = primitives.find(({ span }) => span.start === start)?.qualifiers.span;
  if (qualifiers !== undefined && qualifiers.end === tokenBefore()?.span.end) start = qualifiers.start;
  for (let left = first.denials; left > 0; left--) {
    const before = tokenBefore();
    if (before === undefined || (before.text !== 'not' && before.text !== '!')) break;
    start = before.span.start;
  }
  return { start, end: last.meaning.span.end };
}

/** A part's first or last term, and how often it is denied within the part. */
function endOf(part: Logic<Meaning>, which: 'first' | 'last'): { meaning: Meaning; denials: number } {
  switch (part.kind) {
    case 'leaf':
      return { meaning: part.leaf, denials: 0 };
    case 'not': {
      const { meaning, denials } = endOf(part.operand, which);
      return { meaning, denials: denials + 1 };
    }
    case 'chain':
      return endOf(which === 'first' ? part.first : (part.rest.at(-1)?.operand ?? part.first), which);
  }
}

/** Of a whole expression. */
export function primitivesOf(tree: Tree): readonly Primitive[] {
  return tree === undefined ? [] : within(tree);
}

function within(logic: Logic<Term>): readonly Primitive[] {
  switch (logic.kind) {
    case 'leaf':
      return logic.leaf.kind === 'primitive' ? [logic.leaf] : [];
    case 'not':
      return within(logic.operand);
    case 'chain':
      return [...within(logic.first), ...logic.rest.flatMap(({ operand }) => within(operand))];
  }
}
