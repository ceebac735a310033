import { describe, expect, it } from 'vitest';
import { expectEveryVerdictKept } from '../../../../tests/conformance/ir/pass-property.js';
import { dropUnreachable } from './drop-unreachable.js';
import { ACCEPT, type Graph, REJECT, type Ways } from './graph.js';

const graph = (entry: number, ...ways: [yes: number, no: number][]): Graph<Ways> => ({
  nodes: ways.map(([yes, no]) => ({ yes, no })),
  entry,
});

describe('dropUnreachable', () => {
  it('keeps every verdict, also of packets that end anywhere', () => {
    expectEveryVerdictKept((before) => dropUnreachable(before));
  });

  it('leaves out what no way leads to, and closes the gaps', () => {
    // Node 1 leads to 3, and nothing leads to 1.
    expect(dropUnreachable(graph(0, [2, REJECT], [3, 3], [4, REJECT], [4, 4], [ACCEPT, REJECT]))).toEqual(
      graph(0, [1, REJECT], [2, REJECT], [ACCEPT, REJECT]),
    );
  });
  it('leaves out what stands in front of the entry', () => {
    expect(dropUnreachable(graph(1, [1, 1], [ACCEPT, REJECT]))).toEqual(graph(0, [ACCEPT, REJECT]));
  });
  it('leaves nothing where the verdict is known at once', () => {
    expect(dropUnreachable(graph(ACCEPT, [ACCEPT, REJECT]))).toEqual(graph(ACCEPT));
  });
  it('gives back a graph of which all is reached as it is', () => {
    const all = graph(0, [1, REJECT], [ACCEPT, REJECT]);
    expect(dropUnreachable(all)).toBe(all);
  });
});
