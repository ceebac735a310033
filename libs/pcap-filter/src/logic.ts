/**
 * How conditions are joined, at every stage from the syntax tree to the IR; only the leaves change.
 * A chain is `a and b or c …` as it was written: both operators bind alike and to the left. It is kept flat, so that a
 * list of thousands of terms is not a tree thousands of levels deep.
 */
export type Logic<Leaf> =
  | { readonly kind: 'leaf'; readonly leaf: Leaf }
  | { readonly kind: 'not'; readonly operand: Logic<Leaf> }
  | { readonly kind: 'chain'; readonly first: Logic<Leaf>; readonly rest: readonly Link<Leaf>[] };

export type Operator = 'and' | 'or';

export interface Link<Leaf> {
  readonly operator: Operator;
  readonly operand: Logic<Leaf>;
}

export function leafOf<Leaf>(leaf: Leaf): Logic<Leaf> {
  return { kind: 'leaf', leaf };
}

/** All of these, tried in order. */
export function allOf<Leaf>(...parts: [Logic<Leaf>, ...Logic<Leaf>[]]): Logic<Leaf> {
  return joined('and', parts);
}

/** Any of these, tried in order. */
export function anyOf<Leaf>(...parts: [Logic<Leaf>, ...Logic<Leaf>[]]): Logic<Leaf> {
  return joined('or', parts);
}

/** Takes an array, since a list can be longer than an argument list may be; there is at least one part. */
export function joined<Leaf>(operator: Operator, parts: readonly Logic<Leaf>[]): Logic<Leaf> {
  const first = parts[0];
  if (first === undefined) throw new RangeError('nothing to join');
  if (parts.length === 1) return first;
  return { kind: 'chain', first, rest: parts.slice(1).map((operand) => ({ operator, operand })) };
}

/** Replaces every leaf by what it stands for at the next stage. */
export function mapLeaves<From, To>(logic: Logic<From>, replace: (leaf: From) => Logic<To>): Logic<To> {
  switch (logic.kind) {
    case 'leaf':
      return replace(logic.leaf);
    case 'not':
      return { kind: 'not', operand: mapLeaves(logic.operand, replace) };
    case 'chain':
      return {
        kind: 'chain',
        first: mapLeaves(logic.first, replace),
        rest: logic.rest.map(({ operator, operand }) => ({ operator, operand: mapLeaves(operand, replace) })),
      };
  }
}

export function countLeaves(logic: Logic<unknown>): number {
  switch (logic.kind) {
    case 'leaf':
      return 1;
    case 'not':
      return countLeaves(logic.operand);
    case 'chain':
      return logic.rest.reduce((count, { operand }) => count + countLeaves(operand), countLeaves(logic.first));
  }
}
