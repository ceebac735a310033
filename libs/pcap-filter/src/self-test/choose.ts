import type { Packet } from '@bpfleet/bpf';
import { ACCEPT, type Graph, REJECT } from '../optimise/graph.js';
import type { Found } from './collect.js';
import type { Draft } from './draft.js';
import { type Edge, trace } from './way.js';

/** What the filter returns for a packet. */
export type Verdict = (packet: Packet) => number;

/** Of so many accepted packets the shortest form that is still accepted is tried, and one byte less. */
const MOST_CUT = 3;

/** These stand in front of those at the border of their length, which no long list must crowd out. */
const MOST_TELLING = 8;

/**
 * So many packets, each once: those that together take every side and decide every condition, some at the length that is
 * just long enough, then the others in the order they were made.
 */
export function choose(graph: Graph, found: readonly Found[], verdictOf: Verdict, most: number): readonly Found[] {
  const distinct = [...new Map(found.map((one) => [identityOf(one.draft), one])).values()];
  const first = covering(distinct);
  const cut = cutToLength(graph, first, verdictOf);
  const all = [...first.slice(0, MOST_TELLING), ...cut, ...first.slice(MOST_TELLING), ...distinct];
  const ordered = new Map(all.map((one) => [identityOf(one.draft), one]));
  return [...ordered.values()].slice(0, most);
}

function identityOf({ packet: { bytes, metadata } }: Draft): string {
  return `${bytes.join(' ')} ${JSON.stringify(metadata)}`;
}

/** Always the one next that brings most; accepted and rejected ones in turn, as long as both bring something. */
function covering(found: readonly Found[]): Found[] {
  const chosen: Found[] = [];
  const open = new Set(found);
  const taken = new Set<Edge>();
  const decided = new Set<Edge>();
  const gainOf = ({ trace: { edges, deciding } }: Found) =>
    4 * edges.filter((edge) => !taken.has(edge)).length + deciding.filter((edge) => !decided.has(edge)).length;
  for (;;) {
    const isTurnOf = chosen.at(-1)?.trace.end === ACCEPT ? REJECT : ACCEPT;
    let best: Found | undefined;
    let most = 0;
    for (const one of open) {
      const gain = gainOf(one);
      if (gain === 0) continue;
      const weight = one.trace.end === isTurnOf ? gain + LARGEST_GAIN : gain;
      if (weight > most) [best, most] = [one, weight];
    }
    if (best === undefined) return chosen;
    chosen.push(best);
    open.delete(best);
    for (const edge of best.trace.edges) taken.add(edge);
    for (const edge of best.trace.deciding) decided.add(edge);
  }
}

/** More than any packet can bring. */
const LARGEST_GAIN = 2 ** 32;

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
