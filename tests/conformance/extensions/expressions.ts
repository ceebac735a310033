import type { Packet } from '@bpfleet/bpf';
import type { Random } from '../random.js';
import { randomTerm, type Term } from './terms.js';
import { type Extensions, OutsideError, View } from './view.js';

export type Expression =
  | { readonly kind: 'term'; readonly term: Term }
  | { readonly kind: 'not'; readonly operand: Expression }
  /** Joined from left to right, `and` and `or` alike. */
  | { readonly kind: 'group'; readonly first: Expression; readonly rest: readonly Joined[] };

interface Joined {
  readonly operator: 'and' | 'or';
  readonly operand: Expression;
}

export function randomExpression(random: Random, depth = 2): Expression {
  const operand = (): Expression => {
    const one: Expression =
      depth > 0 && random.chance(30) ? randomExpression(random, depth - 1) : { kind: 'term', term: randomTerm(random) };
    return random.chance(15) ? { kind: 'not', operand: one } : one;
  };
  const joined = (): Joined => ({ operator: random.of(['and', 'or']), operand: operand() });
  return { kind: 'group', first: operand(), rest: Array.from({ length: random.of([0, 1, 1, 2]) }, joined) };
}

export function textOf(expression: Expression, isInside = false): string {
  switch (expression.kind) {
    case 'term':
      return expression.term.text;
    case 'not':
      return `not ${textOf(expression.operand, true)}`;
    case 'group': {
      const { first, rest } = expression;
      const text = [textOf(first, true), ...rest.map((one) => `${one.operator} ${textOf(one.operand, true)}`)].join(
        ' ',
      );
      return isInside ? `(${text})` : text;
    }
  }
}

type Meaning = (packet: Packet) => boolean;

/** What the expression says of a packet; `undefined` where that is a load outside of it. */
export function meaningOf(expression: Expression, extensions: Extensions): (packet: Packet) => boolean | undefined {
  const holds = bound(expression, extensions, { tags: 0 });
  return (packet) => {
    try {
      return holds(packet);
    } catch (error) {
      if (error instanceof OutsideError) return undefined;
      throw error;
    }
  };
}

/** In the order of the text, since `vlan` moves what stands to its right; with scopes, as far as its parentheses go. */
function bound(expression: Expression, extensions: Extensions, scope: { tags: number }): Meaning {
  switch (expression.kind) {
    case 'term': {
      const { tags } = scope;
      if (expression.term.moves) scope.tags++;
      return (packet) => expression.term.holds(new View(packet, extensions, tags));
    }
    case 'not': {
      const operand = bound(expression.operand, extensions, scope);
      return (packet) => !operand(packet);
    }
    case 'group': {
      const inside = extensions.scopedEncapsulation ? { ...scope } : scope;
      let left = bound(expression.first, extensions, inside);
      for (const { operator, operand } of expression.rest) {
        const [before, right] = [left, bound(operand, extensions, inside)];
        left =
          operator === 'and'
            ? (packet) => before(packet) && right(packet)
            : (packet) => before(packet) || right(packet);
      }
      return left;
    }
  }
}
