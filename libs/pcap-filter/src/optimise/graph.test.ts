import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyIr, anyPacketBytes } from '../../../../tests/conformance/ir/any-ir.js';
import { expectWellFormed } from '../../../../tests/conformance/ir/pass-property.js';
import { runOf } from '../../../../tests/conformance/ir/run-graph.js';
import { whole } from '../../../../tests/conformance/packets/packets.js';
import { evaluate } from '../ir/evaluate.js';
import { at, constant, type Ir, type Value } from '../ir/ir.js';
import { ALL_BITS, rangesOf, single } from '../ir/ranges.js';
import { allOf, anyOf, leafOf } from '../logic.js';
import { always, assign, equals, isIn, not } from '../lower/conditions.js';
import { printGraph } from '../print/print-stages.js';
import { ACCEPT, buildGraph, canAccept, isLoadOnly, REJECT } from './graph.js';

const printed = (ir: Ir) => printGraph(buildGraph(ir).graph);
const [a, b, c] = [equals(at(0, 1), 1), equals(at(1, 1), 1), equals(at(2, 1), 1)];

describe('buildGraph', () => {
  it('says of every packet what the conditions say', () => {
    const same = fc.property(anyIr, anyPacketBytes, (ir, bytes) => {
      const { graph } = buildGraph(ir);
      expectWellFormed(graph);
      expect(runOf(graph, whole(bytes)) === 'accepts').toBe(evaluate(ir, whole(bytes)));
    });
    fc.assert(same, { numRuns: 3000 });
  });

  it('makes one node of each condition, in the order of the text', () => {
    expect(printed(allOf(a, b, c))).toBe(
      '0: [0:1] == 0x1 ? 1 : reject\n1: [1:1] == 0x1 ? 2 : reject\n2: [2:1] == 0x1 ? accept : reject',
    );
  });
  it('lets “and” and “or” bind alike, from left to right', () => {
    const chain: Ir = {
      kind: 'chain',
      first: a,
      rest: [
        { operator: 'or', operand: b },
        { operator: 'and', operand: c },
      ],
    };
    expect(printed(chain)).toBe(
      '0: [0:1] == 0x1 ? 2 : 1\n1: [1:1] == 0x1 ? 2 : reject\n2: [2:1] == 0x1 ? accept : reject',
    );
  });
  it('turns the ways of “not”', () => {
    expect(printed(not(allOf(a, b)))).toBe('0: [0:1] == 0x1 ? 1 : accept\n1: [1:1] == 0x1 ? reject : accept');
  });
  it('needs no node for what always or never holds', () => {
    expect(buildGraph(always(true)).graph).toEqual({ nodes: [], entry: ACCEPT });
    expect(buildGraph(always(false)).graph).toEqual({ nodes: [], entry: REJECT });
  });
  it('goes on behind an assignment either way', () => {
    expect(printed(anyOf(assign(0, at(5, 1)), a))).toBe(
      '0: slot 0 := [5:1] then accept\n1: [0:1] == 0x1 ? accept : reject',
    );
  });
});

describe('StepTable', () => {
  const stepsOf = (...irs: Ir[]) => buildGraph(allOf(always(true), ...irs)).graph.nodes.map(({ step }) => step);

  it('gives equal questions one number, however their sets were made', () => {
    const ports = () =>
      rangesOf([
        { from: 80, to: 80 },
        { from: 443, to: 444 },
      ]);
    const [first, second, other] = stepsOf(
      isIn(at(36, 2), ports()),
      isIn(at(36, 2), ports()),
      isIn(at(34, 2), ports()),
    );
    expect(second).toBe(first);
    expect(other?.id).not.toBe(first?.id);
  });
  it('tells sets and masks apart', () => {
    const ids = stepsOf(
      equals(at(0, 1), 1),
      equals(at(0, 1), 2),
      equals(at(0, 1), 1, 0xf),
      isIn(at(0, 1), Uint32Array.of(1, 2)),
    );
    expect(new Set(ids.map(({ id }) => id)).size).toBe(4);
  });
  it.each([
    ['eq', single(7)],
    ['gt', Uint32Array.of(0, 6)],
    ['ge', Uint32Array.of(0, 7)],
  ] as const)('makes a test of 7 %s a field', (comparison, within) => {
    const [step] = stepsOf(leafOf({ kind: 'compare', left: constant(7), comparison, right: at(0, 1) } as const));
    expect(step).toMatchObject({ kind: 'test', value: { value: at(0, 1) }, mask: ALL_BITS, within });
  });
  it.each([
    ['eq', single(7)],
    ['gt', Uint32Array.of(8, ALL_BITS)],
    ['ge', Uint32Array.of(7, ALL_BITS)],
  ] as const)('makes a test of a field %s 7', (comparison, within) => {
    const [step] = stepsOf(leafOf({ kind: 'compare', left: at(0, 1), comparison, right: constant(7) } as const));
    expect(step).toMatchObject({ kind: 'test', within });
  });
  it('knows that nothing is above the largest number', () => {
    const [step] = stepsOf(
      leafOf({ kind: 'compare', left: at(0, 4), comparison: 'gt', right: constant(ALL_BITS) } as const),
    );
    expect(step).toMatchObject({ within: new Uint32Array(0) });
  });
  it('loads both sides of a comparison, and reads the slots of both', () => {
    const right: Value = { kind: 'load', size: 1, base: { kind: 'slot', slot: 3 }, offset: 0 };
    const [step] = stepsOf(leafOf({ kind: 'compare', left: at(0, 1), comparison: 'eq', right } as const));
    expect(step?.loads.map(({ value }) => value)).toEqual([right, at(0, 1)]);
    expect(step?.slots).toEqual([3]);
  });
  it('knows a step that only loads', () => {
    const { steps } = buildGraph(a);
    const value = steps.values.number(at(0, 1));
    expect([steps.loadOf(value), steps.test(value, ALL_BITS, single(1))].map(isLoadOnly)).toEqual([true, false]);
  });
});

describe('canAccept', () => {
  it.each<[string, Ir, boolean]>([
    ['a question', a, true],
    ['what always holds', always(true), true],
    ['what never holds', always(false), false],
    ['a question in front of what never holds', allOf(a, always(false)), false],
  ])('tells it of %s', (_, ir, expected) => {
    expect(canAccept(buildGraph(ir).graph)).toBe(expected);
  });
  it('looks at nodes only that are reached', () => {
    const { nodes } = buildGraph(allOf(a, b)).graph;
    expect(
      canAccept({
        nodes: nodes.map((node) => ({ ...node, no: REJECT, yes: node.yes === ACCEPT ? ACCEPT : REJECT })),
        entry: 0,
      }),
    ).toBe(false);
  });
});
