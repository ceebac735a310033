import { describe, expect, it } from 'vitest';
import { anyOf } from '../../logic.js';
import { at, equals } from '../lower/tests.js';
import { ACCEPT, buildGraph, REJECT } from './graph.js';
import { leadByValue, valueListsOf } from './value-lists.js';

const port = (value: number) => equals(at(54, 2), value);
const { nodes } = buildGraph(anyOf(port(1), port(2), equals(at(56, 2), 1), port(3), port(4), port(3)));
const lists = valueListsOf(nodes);
const lead = (index: number, value: number) => {
  const list = lists[index];
  return list && leadByValue(list, nodes, index, value);
};

describe('lists of tests for one value', () => {
  it('lead to where the value’s own test says yes', () => {
    expect([lead(0, 1), lead(0, 2), lead(1, 2)]).toEqual([ACCEPT, ACCEPT, ACCEPT]);
  });
  it('lead to their end for a value that is not in them', () => {
    expect([lead(0, 9), lead(1, 1), lead(3, 9)]).toEqual([2, 2, 4]);
  });
  it('end where another field or a value for the second time is asked about', () => {
    expect([lead(0, 3), lead(3, 4), lead(4, 3), lead(5, 3), lead(5, 9)]).toEqual([2, 4, ACCEPT, ACCEPT, REJECT]);
  });
  it('do not reach over to another way into them', () => {
    const [first, second, third] = nodes;
    if (!first || !second || !third) throw new Error('three nodes');
    // Both the first and the second test lead to the third, which asks for another value.
    const joined = [{ ...first, no: 2 }, second, { ...nodes[3], yes: ACCEPT, no: REJECT }] as typeof nodes;
    const list = valueListsOf(joined);
    expect(list[0] && leadByValue(list[0], joined, 0, 2)).toBe(2);
    expect(list[1] && leadByValue(list[1], joined, 1, 3)).toBe(ACCEPT);
  });
  it('are of tests for a whole value', () => {
    const { nodes: masked } = buildGraph(equals(at(54, 2), 0, 0xff));
    expect(valueListsOf(masked)).toEqual([undefined]);
  });
});
