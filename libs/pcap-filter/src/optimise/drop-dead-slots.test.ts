import { describe, expect, it } from 'vitest';
import { expectEveryVerdictKept } from '../../../../tests/conformance/ir/pass-property.js';
import { at, behind, constant, type Ir, type Value } from '../ir/ir.js';
import { allOf, anyOf } from '../logic.js';
import { always, assign, equals } from '../lower/conditions.js';
import { printGraph } from '../print/print-stages.js';
import { dropDeadSlots, liveSlots } from './drop-dead-slots.js';
import { buildGraph, REJECT } from './graph.js';
import { slotsIn } from './slot-set.js';

const dropped = (ir: Ir) => {
  const { graph, steps } = buildGraph(ir);
  return printGraph(dropDeadSlots(graph, steps));
};
const slot = (number: number): Value => ({ kind: 'slot', slot: number });
const isOne = equals(at(0, 1), 1);

describe('dropDeadSlots', () => {
  it('keeps every verdict, also of packets that end anywhere', () => {
    expectEveryVerdictKept(dropDeadSlots);
  });

  it('takes out an assignment that nobody reads, and leaves its load', () => {
    expect(dropped(allOf(assign(0, at(9, 1)), isOne))).toBe('0: load [9:1] then 1\n1: [0:1] == 0x1 ? accept : reject');
    expect(dropped(allOf(isOne, assign(0, at(9, 1))))).toBe('0: [0:1] == 0x1 ? 1 : reject\n1: load [9:1] then accept');
  });
  it('leaves one that is read on any way', () => {
    const read = anyOf(isOne, equals(behind(slot(0), 0, 1), 1));
    expect(dropped(allOf(assign(0, at(9, 1)), read))).toContain('slot 0 := [9:1]');
  });
  it('takes out one that the next replaces before anybody reads it', () => {
    const twice = allOf(assign(0, at(9, 1)), assign(0, constant(4)), equals(behind(slot(0), 0, 1), 1));
    expect(dropped(twice)).toBe(
      '0: load [9:1] then 1\n1: slot 0 := 0x4 then 2\n2: [slot 0 + 0:1] == 0x1 ? accept : reject',
    );
  });
  it('leaves one that the next is made from', () => {
    const next: Value = { kind: 'binary', operator: '+', left: slot(0), right: constant(2) };
    const both = allOf(assign(0, at(9, 1)), assign(0, next), equals(behind(slot(0), 0, 1), 1));
    expect(dropped(both)).toContain('0: slot 0 := [9:1]');
  });
  it('gives back a graph without slots as it is', () => {
    const { graph, steps } = buildGraph(isOne);
    expect(dropDeadSlots(graph, steps)).toBe(graph);
  });
});

describe('liveSlots', () => {
  it('says for each node what may be read from there on', () => {
    const ir = allOf(
      assign(40, at(0, 1)),
      anyOf(allOf(equals(slot(40), 1), equals(slot(1), 2)), always(true)),
      equals(slot(2), 1),
    );
    const { graph } = buildGraph(ir);
    const live = liveSlots(graph.nodes);
    expect(graph.nodes.map((_, index) => slotsIn(live(index)))).toEqual([[1, 2], [1, 2, 40], [1, 2], [2]]);
    expect(slotsIn(live(REJECT))).toEqual([]);
  });
});
