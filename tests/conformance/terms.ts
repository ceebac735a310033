import { lex } from '../../libs/pcap-filter/src/lex/lex.js';
import type { Logic } from '../../libs/pcap-filter/src/logic.js';
import { parse } from '../../libs/pcap-filter/src/parse/parse.js';
import type { Calculation, NumberedWord, Relation, Term } from '../../libs/pcap-filter/src/parse/tree.js';

/** The expression's terms in the order of the text; none of what our parser refuses. */
export function termsOf(expression: string): readonly Term[] {
  try {
    const tree = parse(lex(expression));
    return tree === undefined ? [] : leavesOf(tree);
  } catch {
    return [];
  }
}

function leavesOf(logic: Logic<Term>): Term[] {
  switch (logic.kind) {
    case 'leaf':
      return [logic.leaf];
    case 'not':
      return leavesOf(logic.operand);
    case 'chain':
      return [logic.first, ...logic.rest.map(({ operand }) => operand)].flatMap(leavesOf);
  }
}

export const isWord = (word: NumberedWord) => (term: Term) => term.kind === 'numbered' && term.word === word;
/** What moves the terms behind it on. */
export const isEncapsulation = (term: Term) =>
  term.kind === 'numbered' && ['vlan', 'mpls', 'pppoes', 'geneve'].includes(term.word);
export const isRelation = (term: Term): term is Relation => term.kind === 'relation';
export const isChain = (term: Term) => term.kind === 'primitive' && term.qualifiers.type === 'protochain';

/** Whether terms of these kinds stand in this order, with anything between. */
export function standsInOrder(terms: readonly Term[], ...kinds: readonly ((term: Term) => boolean)[]): boolean {
  let at = 0;
  for (const term of terms) if (kinds[at]?.(term)) at++;
  return at === kinds.length;
}

/** All calculations in a relation, the outer ones first. */
export function calculationsIn({ left, right }: Relation): Calculation[] {
  const all = (one: Calculation): Calculation[] => {
    switch (one.kind) {
      case 'accessor':
        return [one, ...all(one.index)];
      case 'binary':
        return [one, ...all(one.left), ...all(one.right)];
      case 'negate':
        return [one, ...all(one.operand)];
      default:
        return [one];
    }
  };
  return [...all(left), ...all(right)];
}

/** The number where no packet changes it. */
export function constantOf(one: Calculation): number | undefined {
  switch (one.kind) {
    case 'number':
      return one.value;
    case 'negate': {
      const value = constantOf(one.operand);
      return value === undefined ? undefined : -value >>> 0;
    }
    case 'binary': {
      const [left, right] = [constantOf(one.left), constantOf(one.right)];
      if (left === undefined || right === undefined) return undefined;
      return OPERATIONS[one.operator](left, right) >>> 0;
    }
    default:
      return undefined;
  }
}

const OPERATIONS: Readonly<
  Record<Extract<Calculation, { kind: 'binary' }>['operator'], (a: number, b: number) => number>
> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => Math.imul(a, b),
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '&': (a, b) => a & b,
  '|': (a, b) => a | b,
  '^': (a, b) => a ^ b,
  '<<': (a, b) => a << b,
  '>>': (a, b) => a >>> b,
};

/** The first number that libpcap's code of a calculation puts into the accumulator, if it begins with one. */
export function firstNumber(one: Calculation): number | undefined {
  switch (one.kind) {
    case 'number':
      return one.value;
    case 'length':
      return undefined;
    case 'accessor':
      return firstNumber(one.index);
    case 'negate':
      return firstNumber(one.operand);
    case 'binary':
      return firstNumber(one.left);
  }
}
