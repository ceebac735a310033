import { interpret, type Packet } from '@bpfleet/bpf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allOf, anyOf, type Logic, leafOf } from '../../logic.js';
import { printGraph } from '../../print/print-stages.js';
import { emit } from '../emit/emit.js';
import { ALL_BITS, type Comparison, type Condition, type Field, type Ir } from '../lower/ir.js';
import { at, behindIpv4, equals, not } from '../lower/tests.js';
import { dropUnreachable } from './drop-unreachable.js';
import { buildGraph, canAccept, type Graph } from './graph.js';
import { mergeEqual } from './merge-equal.js';
import { optimise } from './optimise.js';
import { skipDecided } from './skip-decided.js';

const a = (value: number) => equals(at(0, 1), value);
const b = (value: number) => equals(at(1, 1), value);
const shown = (graph: Graph) => printGraph(graph).split('\n');

describe('buildGraph', () => {
  it('makes one node of each test, in the order of the text', () => {
    expect(shown(buildGraph(anyOf(allOf(a(1), b(2)), not(a(3)))))).toEqual([
      '0: [0:1] == 0x1 ? 1 : 2',
      '1: [1:1] == 0x2 ? accept : 2',
      '2: [0:1] == 0x3 ? reject : accept',
    ]);
  });
  it('lets and and or of a chain bind to the left', () => {
    const chain: Ir = {
      kind: 'chain',
      first: a(1),
      rest: [
        { operator: 'or', operand: a(2) },
        { operator: 'and', operand: b(3) },
      ],
    };
    expect(shown(buildGraph(chain))).toEqual([
      '0: [0:1] == 0x1 ? 2 : 1',
      '1: [0:1] == 0x2 ? 2 : reject',
      '2: [1:1] == 0x3 ? accept : reject',
    ]);
  });
  it('has no node where nothing is asked', () => {
    const always: Ir = leafOf({ kind: 'always', value: true });
    expect([shown(buildGraph(always)), shown(buildGraph(not(always)))]).toEqual([['accept'], ['reject']]);
  });
});

describe('skipDecided', () => {
  it('leads past a test that was answered on the way', () => {
    const graph = skipDecided(buildGraph(anyOf(allOf(a(1), b(2)), allOf(a(3), b(4)))));
    expect(shown(graph).slice(0, 2)).toEqual(['0: [0:1] == 0x1 ? 1 : 2', '1: [1:1] == 0x2 ? accept : reject']);
  });
  it('keeps the load of a test that needs no answer, unless a later load covers it', () => {
    const anything = (offset: number) => equals(at(offset, 1), 0, 0);
    expect(shown(skipDecided(buildGraph(anything(4))))).toEqual(['0: ([4:1] & 0x0) == 0x0 ? accept : accept']);
    const graph = dropUnreachable(skipDecided(buildGraph(allOf(anything(4), anything(8)))));
    expect(shown(graph)).toEqual(['0: ([8:1] & 0x0) == 0x0 ? accept : accept']);
  });
});

describe('mergeEqual', () => {
  it('lets nodes that ask the same and go on alike be one', () => {
    const graph = mergeEqual(buildGraph(anyOf(allOf(a(1), b(9)), allOf(a(2), b(9)))));
    expect(shown(graph)).toEqual([
      '0: [0:1] == 0x1 ? 1 : 2',
      '1: [1:1] == 0x9 ? accept : 2',
      '2: [0:1] == 0x2 ? 3 : reject',
      '3: [1:1] == 0x9 ? accept : reject',
    ]);
    expect(
      shown(dropUnreachable(mergeEqual(skipDecided(buildGraph(anyOf(allOf(a(1), b(9)), allOf(a(2), b(9)))))))),
    ).toEqual(['0: [0:1] == 0x1 ? 2 : 1', '1: [0:1] == 0x2 ? 2 : reject', '2: [1:1] == 0x9 ? accept : reject']);
  });
});

describe('canAccept', () => {
  it.each<[string, Ir, boolean]>([
    ['a contradiction cannot', allOf(a(1), a(2)), false],
    ['a byte above 255 cannot', a(300), false],
    ['a tautology can', anyOf(a(1), not(a(1))), true],
  ])('%s', (_, ir, expected) => {
    expect(canAccept(optimise(buildGraph(ir)))).toBe(expected);
  });
});

const anyField: fc.Arbitrary<Field> = fc.constantFrom<Field>(
  at(0, 1),
  at(0, 2),
  at(1, 1),
  at(2, 4),
  at(5, 1),
  behindIpv4(0, 1, 1),
  behindIpv4(0, 0, 2),
  behindIpv4(1, 0, 1),
  { kind: 'length' },
);
const anyCondition = fc
  .record({
    kind: fc.constant('test' as const),
    field: anyField,
    mask: fc.constantFrom(ALL_BITS, ALL_BITS, ALL_BITS, 0xf0, 1, 0),
    comparison: fc.constantFrom<Comparison>('eq', 'eq', 'gt', 'ge', 'set'),
    operand: fc.constantFrom(0, 1, 2, 3, 5, 0x10, 0x101, 0x100_0001),
  })
  .map((test): Logic<Condition> => leafOf(test));
/** Mostly whole values of few fields, so that tests tell about each other. */
const anyValueTest = fc
  .record({
    kind: fc.constant('test' as const),
    field: fc.constantFrom<Field>(at(0, 1), at(0, 1), at(1, 1)),
    mask: fc.constant(ALL_BITS),
    comparison: fc.constant<Comparison>('eq'),
    operand: fc.constantFrom(0, 1, 2, 3, 5),
  })
  .map((test): Logic<Condition> => leafOf(test));
const anyIr: fc.Arbitrary<Ir> = fc.letrec<{ ir: Ir }>((tie) => ({
  ir: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    anyCondition,
    anyValueTest,
    anyValueTest,
    fc.record({ kind: fc.constant('not' as const), operand: tie('ir') }),
    // One way or the other: what the ways have in common behind them is reached from both.
    fc.tuple(anyValueTest, tie('ir'), tie('ir')).map(([a, b, c]): Ir => anyOf(allOf(a, b), allOf(not(a), c))),
    fc.record({
      kind: fc.constant('chain' as const),
      first: tie('ir'),
      rest: fc.array(fc.record({ operator: fc.constantFrom<'and' | 'or'>('and', 'or'), operand: tie('ir') }), {
        minLength: 1,
        maxLength: 4,
      }),
    }),
  ),
})).ir;
const anyPacket = fc.tuple(fc.array(fc.constantFrom(0, 1, 2, 3, 5, 0x10, 0x11, 0xff), { maxLength: 8 })).map(
  ([bytes]): Packet => ({
    bytes: Uint8Array.from(bytes),
    start: 0,
    capturedLength: bytes.length,
    wireLength: bytes.length,
  }),
);

describe('the passes', () => {
  const passes: Record<string, (graph: Graph) => Graph> = { skipDecided, mergeEqual, dropUnreachable, optimise };
  const plainly = { snaplenBytes: 9, reuseRegisters: false };

  it.each(Object.entries(passes))('%s keeps the verdict of any graph on any packet, also of short ones', (_, pass) => {
    fc.assert(
      fc.property(anyIr, fc.array(anyPacket, { minLength: 10, maxLength: 20 }), (ir, packets) => {
        const graph = buildGraph(ir);
        const after = pass(graph);
        expect(after.nodes.length).toBeLessThanOrEqual(graph.nodes.length);
        const [before, optimised] = [emit(graph, plainly), emit(after, { snaplenBytes: 9, reuseRegisters: true })];
        for (const packet of packets) expect(interpret(optimised, packet)).toBe(interpret(before, packet));
      }),
      { numRuns: 2000 },
    );
  });
});
