import { median } from '../alternate.js';
import type { Capturer, RoundResult, Wire } from './wire.js';

export interface TournamentOptions {
  readonly rounds: number;
  readonly packets: number;
  readonly packetsPerSecond?: number;
}

/**
 * Every side captures the same traffic in every round, one after the other, each time another first: what else the
 * machine does meets all. The first round warms up and does not count.
 */
export async function tournament(
  wire: Wire,
  sides: readonly Capturer[],
  { rounds, packets, packetsPerSecond }: TournamentOptions,
): Promise<ReadonlyMap<string, readonly RoundResult[]>> {
  const results = new Map<string, RoundResult[]>(sides.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    const order = sides.map((_, index) => sides[(index + round) % sides.length]!);
    for (const side of order) {
      const result = await wire.round(side, packets, packetsPerSecond);
      if (round > 0) results.get(side.name)!.push(result);
    }
  }
  return results;
}

/** A figure of ours against the same of a peer, round by round. */
export function compared(
  ours: readonly RoundResult[],
  peer: readonly RoundResult[],
  figure: (result: RoundResult) => number,
) {
  const ratios = ours.map((result, round) => figure(result) / figure(peer[round]!));
  return {
    value: median(ours.map(figure)),
    peer: median(peer.map(figure)),
    ratio: median(ratios),
    spread: [Math.min(...ratios), Math.max(...ratios)] as const,
    n: ours.length,
  };
}

export const nsPerPacket = ({ cpuNs, captured }: RoundResult): number => cpuNs / captured;
