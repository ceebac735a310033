import type { Packet } from '@bpfleet/bpf';
import type { Graph } from '../optimise/graph.js';
import type { Found } from './collect.js';
import type { Draft } from './draft.js';
import { trace } from './way.js';

/** What the filter returns for a packet. */
export type Verdict = (packet: Packet) => number;

/** Of so many accepted packets the shortest form that is still accepted is tried, and one byte less. */
const MOST_CUT = 3;

/**
 * So many packets, each once: first those that together take every side and decide every condition, then some at the
 * length that is just long enough, then the others in the order they were made.
 */
export function choose(graph: Graph, found: readonly Found[], verdictOf: Verdict, most: number): readonly Found[] {
  const distinct = [...new Map(found.map((one) => [identityOf(one.draft), one])).values()];
  const first = covering(distinct);
  const cut = cutToLength(graph, first, verdictOf);
  const ordered = new Map([...first, ...cut, ...distinct].map((one) => [identityOf(one.draft), one]));
  return [...ordered.values()].slice(0, most);
}

function identityOf({ packet: { bytes, metadata } }: Draft): string {
  return `${bytes.join(' ')} ${JSON.stringify(metadata)}`;
}

/** Always the one next that brings most. */
function covering(found: readonly Found[]): Found[] {
  const chosen: Found[] = [];
  const open = new Set(found);
  const taken = new Set<number>();
  const decided = new Set<number>();
  const gainOf = ({ trace: { edges, deciding } }: Found) =>
    4 * edges.filter((edge) => !taken.has(edge)).length + deciding.filter((edge) => !decided.has(edge)).length;
  for (;;) {
    let best: Found | undefined;
    let gain = 0;
    for (const one of open) {
      const its = gainOf(one);
      if (its > gain) [best, gain] = [one, its];
    }
    if (best === undefined) return chosen;
    chosen.push(best);
    open.delete(best);
    for (const edge of best.trace.edges) taken.add(edge);
    for (const edge of best.trace.deciding) decided.add(edge);
  }
}

function cutToLength(graph: Graph, found: readonly Found[], verdictOf: Verdict): Found[] {
  const accepted = found.filter(({ draft }) => verdictOf(draft.packet) !== 0).slice(0, MOST_CUT);
  return accepted.flatMap(({ draft }) => {
    const shortest = shortestAccepted(draft.packet, verdictOf);
    return [shortest - 1, shortest].flatMap((length) => {
      const cut = draft.copy();
      return cut.resize(length) ? [{ draft: cut, trace: trace(graph, cut.packet) }] : [];
    });
  });
}

function shortestAccepted({ bytes, metadata }: Packet, verdictOf: Verdict): number {
  const isAccepted = (length: number) => {
    const packet = { bytes, start: 0, capturedLength: length, wireLength: length };
    return verdictOf(metadata === undefined ? packet : { ...packet, metadata }) !== 0;
  };
  let length = bytes.length;
  while (length > 0 && isAccepted(length - 1)) length--;
  return length;
}
