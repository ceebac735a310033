import { type Link, type Logic, leafOf, type Operator } from '../logic.js';
import type { Meaning } from './meaning.js';

/**
 * Makes one list of neighbours that ask about the same field: `host a or host b` looks for a or b in one place, and
 * `not host a and not host b` for neither. A list counts as one test: each field of it is loaded once.
 */
export function joinLists(meanings: Logic<Meaning>): Logic<Meaning> {
  switch (meanings.kind) {
    case 'leaf':
      return meanings;
    case 'not':
      return { kind: 'not', operand: joinLists(meanings.operand) };
    case 'chain':
      // What stands alone in parentheses keeps them.
      if (meanings.rest.length === 0) return { ...meanings, first: joinLists(meanings.first) };
      return joinChain(joinLists(meanings.first), meanings.rest);
  }
}

/** The last operands are collected until one comes that does not go with them. */
function joinChain(first: Logic<Meaning>, rest: readonly Link<Meaning>[]): Logic<Meaning> {
  const operands: Link<Meaning>[] = [];
  // The first operand stands before every operator; it goes with what follows by the first of them.
  let current = rest[0]?.operator ?? 'or';
  let head = first;
  let run = [first];
  for (const { operator, operand } of rest) {
    const next = joinLists(operand);
    if (operator === current && goTogether(head, next, operator)) {
      run.push(next);
      continue;
    }
    operands.push({ operator: current, operand: run.length === 1 ? head : joined(run) });
    current = operator;
    head = next;
    run = [next];
  }
  const last = run.length === 1 ? head : joined(run);
  const [start] = operands;
  if (start === undefined) return last;
  return { kind: 'chain', first: start.operand, rest: [...operands.slice(1), { operator: current, operand: last }] };
}

/** Alternatives, or alternatives that are all denied. */
function goTogether(a: Logic<Meaning>, b: Logic<Meaning>, operator: Operator): boolean {
  if (operator === 'or') return a.kind === 'leaf' && b.kind === 'leaf' && listKey(a.leaf) === listKey(b.leaf);
  return a.kind === 'not' && b.kind === 'not' && goTogether(a.operand, b.operand, 'or');
}

/** Meanings with the same key differ only in their lists. `src and dst` is about one value on both sides: no list. */
function listKey(meaning: Meaning): string | symbol {
  switch (meaning.kind) {
    case 'host4':
      if (meaning.direction === 'src and dst') return Symbol('alone');
      return `${meaning.kind} ${meaning.direction} ${meaning.carriers}`;
    case 'ports':
      if (meaning.direction === 'src and dst') return Symbol('alone');
      return `${meaning.kind} ${meaning.direction} ${meaning.protocols}`;
    case 'host6':
    case 'mac':
      return meaning.direction === 'src and dst' ? Symbol('alone') : `${meaning.kind} ${meaning.direction}`;
    default:
      return Symbol('alone');
  }
}

function joined(run: readonly Logic<Meaning>[]): Logic<Meaning> {
  const [first] = run;
  if (first === undefined) throw new RangeError('an empty run');
  if (first.kind === 'not') {
    return { kind: 'not', operand: joined(run.flatMap((part) => (part.kind === 'not' ? [part.operand] : []))) };
  }
  return leafOf(concatenated(run.flatMap((part) => (part.kind === 'leaf' ? [part.leaf] : []))));
}

/** One meaning with the lists of all. */
function concatenated(meanings: readonly Meaning[]): Meaning {
  const [first] = meanings;
  switch (first?.kind) {
    case 'host4':
      return { ...first, networks: meanings.flatMap((one) => (one.kind === 'host4' ? one.networks : [])) };
    case 'host6':
      return { ...first, networks: meanings.flatMap((one) => (one.kind === 'host6' ? one.networks : [])) };
    case 'ports':
      return { ...first, ranges: meanings.flatMap((one) => (one.kind === 'ports' ? one.ranges : [])) };
    case 'mac':
      return { ...first, addresses: meanings.flatMap((one) => (one.kind === 'mac' ? one.addresses : [])) };
    default:
      throw new RangeError('these meanings have no lists');
  }
}
