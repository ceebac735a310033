import { describe, expect, it } from 'vitest';
import { expectEveryVerdictKept } from '../../../../tests/conformance/ir/pass-property.js';
import { at, type Ir } from '../ir/ir.js';
import { allOf, anyOf } from '../logic.js';
import { assign, equals } from '../lower/conditions.js';
import { printGraph } from '../print/print-stages.js';
import { dropUndeciding } from './drop-undeciding.js';
import { dropUnreachable } from './drop-unreachable.js';
import { ACCEPT, buildGraph, type Graph, REJECT } from './graph.js';
import { mergeBy, mergeEqual } from './merge-equal.js';

const merged = (graph: Graph) => printGraph(dropUnreachable(mergeEqual(graph)));
const [isTcp, isPort80] = [equals(at(23, 1), 6), equals(at(34, 2), 80)];

/** “TCP”, and either way the same behind it. */
function either(behind: Ir): Graph {
  const { nodes } = buildGraph(behind).graph;
  const moved = (by: number) =>
    nodes.map(({ step, yes, no }) => ({ step, yes: yes < 0 ? yes : yes + by, no: no < 0 ? no : no + by }));
  const { graph } = buildGraph(isTcp);
  const first = graph.nodes.map((node) => ({ ...node, yes: 1, no: 1 + nodes.length }));
  return { entry: 0, nodes: [...first, ...moved(1), ...moved(1 + nodes.length)] };
}

describe('mergeEqual', () => {
  it('keeps every verdict, also of packets that end anywhere', () => {
    expectEveryVerdictKept((graph) => mergeEqual(graph));
  });

  it('lets what is asked behind different answers be asked once', () => {
    expect(merged(either(isPort80))).toBe('0: load [23:1] then 1\n1: [34:2] == 0x50 ? accept : reject');
  });
  it('merges what became equal because what follows is', () => {
    const both = allOf(isPort80, equals(at(36, 2), 53));
    expect(merged(either(both))).toBe(
      '0: load [23:1] then 1\n1: [34:2] == 0x50 ? 2 : reject\n2: [36:2] == 0x35 ? accept : reject',
    );
  });
  it.each<[string, number, number]>([
    ['yes', REJECT, ACCEPT],
    ['no', ACCEPT, REJECT],
  ])('keeps apart what asks the same and leads elsewhere on “%s”', (_, yes, no) => {
    const [tcp, port] = [isTcp, isPort80].map((ir) => buildGraph(ir).graph.nodes[0]);
    if (tcp === undefined || port === undefined) throw new Error('two nodes');
    const other = { ...port, yes: yes === ACCEPT ? ACCEPT : 3, no: no === ACCEPT ? ACCEPT : 3 };
    const graph = { entry: 0, nodes: [{ ...tcp, yes: 1, no: 2 }, other, { ...port, yes: ACCEPT, no: ACCEPT }, tcp] };
    expect(merged(graph).match(/\[34:2\]/g)).toHaveLength(2);
  });
  it('keeps assignments apart that fill other slots', () => {
    const ir = allOf(anyOf(allOf(isTcp, assign(0, at(0, 1))), assign(1, at(0, 1))), isPort80);
    expect(merged(buildGraph(ir).graph).match(/slot \d :=/g)).toEqual(['slot 0 :=', 'slot 1 :=']);
  });
  it('lets no load that stands for itself become a question, which could go', () => {
    const { steps } = buildGraph(isTcp);
    const value = steps.values.number(at(34, 2));
    const [loadOnly, question] = [steps.loadOf(value), steps.test(value, 0xffff_ffff, Uint32Array.of(80, 80))];
    const tcp = steps.stepOf({ kind: 'test', value: at(23, 1), mask: 0xffff_ffff, within: Uint32Array.of(6, 6) });
    const graph: Graph = {
      entry: 0,
      nodes: [
        { step: tcp, yes: 1, no: 2 },
        { step: loadOnly, yes: ACCEPT, no: ACCEPT },
        { step: question, yes: ACCEPT, no: ACCEPT },
      ],
    };
    expect(printGraph(dropUnreachable(dropUndeciding(mergeEqual(graph))))).toContain('load [34:2]');
  });
});

describe('mergeBy', () => {
  it('keeps the last of equal nodes, so that edges lead forward', () => {
    const [a, b] = [
      { yes: 1, no: 2, name: 'a' },
      { yes: -1, no: -2, name: 'b' },
    ];
    expect(mergeBy({ nodes: [a, b, b], entry: 0 }, ({ name }) => name)).toEqual({
      nodes: [{ ...a, yes: 2 }, b, b],
      entry: 0,
    });
  });
  it('leads the entry to the node that stays', () => {
    const node = { yes: -1, no: -2 };
    expect(mergeBy({ nodes: [node, node], entry: 0 }, () => 'same').entry).toBe(1);
  });
});
