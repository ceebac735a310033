import { describe, expect, it } from 'vitest';
import { expectDecidedVerdictsKept } from '../../../../tests/conformance/ir/pass-property.js';
import { at, constant, type Ir, type Value } from '../ir/ir.js';
import { between } from '../ir/ranges.js';
import { allOf, anyOf } from '../logic.js';
import { always, assign, equals, isIn } from '../lower/conditions.js';
import { printGraph } from '../print/print-stages.js';
import { dropUndeciding } from './drop-undeciding.js';
import { dropUnreachable } from './drop-unreachable.js';
import { ACCEPT, buildGraph, type Graph } from './graph.js';

const dropped = (ir: Ir) => printGraph(dropUnreachable(dropUndeciding(buildGraph(ir).graph)));
const isOne = equals(at(0, 1), 1);
const everything = always(true);

describe('dropUndeciding', () => {
  it('keeps the verdict of every packet that has the bytes which decide', () => {
    expectDecidedVerdictsKept(dropUndeciding);
  });

  it('takes out a question whose answers lead to one place, with its load', () => {
    expect(dropped(anyOf(allOf(isOne, equals(at(30, 2), 80)), everything))).toBe('accept');
  });
  it('leaves the questions that decide, and where they lead', () => {
    expect(dropped(allOf(isOne, anyOf(equals(at(30, 2), 80), everything)))).toBe('0: [0:1] == 0x1 ? accept : reject');
    expect(dropped(allOf(anyOf(equals(at(30, 2), 80), everything), isOne))).toBe('0: [0:1] == 0x1 ? accept : reject');
  });
  it('leaves loads that stand for themselves', () => {
    const { graph, steps } = buildGraph(isOne);
    const value = graph.nodes[0]?.step.kind === 'test' ? graph.nodes[0].step.value : undefined;
    if (value === undefined) throw new Error('a test was built');
    const loadOnly: Graph = { nodes: [{ step: steps.loadOf(value), yes: ACCEPT, no: ACCEPT }], entry: 0 };
    expect(dropUndeciding(loadOnly)).toBe(loadOnly);
  });
  it('leaves what an assignment loads', () => {
    expect(dropped(allOf(assign(0, at(9, 1)), isOne))).toBe(
      '0: slot 0 := [9:1] then 1\n1: [0:1] == 0x1 ? accept : reject',
    );
  });
  it('leaves a division, which ends the program on packets of any length', () => {
    const quotient: Value = { kind: 'binary', operator: '/', left: constant(14), right: at(3, 1) };
    expect(dropped(anyOf(isIn(quotient, between(5, 6)), everything))).toBe('0: load (0xe / [3:1]) then accept');
  });
  it('leaves the interface index, which a packet without a device has not', () => {
    const index: Value = { kind: 'metadata', name: 'interfaceIndex' };
    expect(dropped(anyOf(equals(index, 2), everything))).toBe('0: load @interfaceIndex then accept');
  });
});
