import { describe, expect, it } from 'vitest';
import { allOf, anyOf, countLeaves, joined, type Logic, leafOf, mapLeaves } from './logic.js';
import { printLogic } from './print/print-logic.js';

const [a, b, c] = ['a', 'b', 'c'].map((name) => leafOf(name)) as [Logic<string>, Logic<string>, Logic<string>];
const shown = (logic: Logic<string>) => printLogic(logic, (leaf) => leaf).replace(/\s+/g, ' ');

describe('logic', () => {
  it('joins by one operator, and leaves a single condition as it is', () => {
    expect([allOf(a, b, c), anyOf(a, b), allOf(a)].map(shown)).toEqual(['( a and b and c )', '( a or b )', 'a']);
  });
  it('replaces leaves by whole conditions', () => {
    const logic: Logic<string> = { kind: 'not', operand: anyOf(a, b) };
    expect(shown(mapLeaves(logic, (leaf) => allOf(leafOf(`${leaf}1`), leafOf(`${leaf}2`))))).toBe(
      'not ( ( a1 and a2 ) or ( b1 and b2 ) )',
    );
  });
  it('holds a list of any length', () => {
    const many = joined(
      'or',
      Array.from({ length: 300_001 }, () => a),
    );
    expect(countLeaves(mapLeaves(many, leafOf))).toBe(300_001);
  });
});
