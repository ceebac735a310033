/** One round of one side. Resolves with what it did per second, or whatever `unit` the row has. */
export type Round = () => Promise<number>;

export interface Comparison {
  /** Medians over the rounds. */
  readonly value: number;
  readonly peer: number;
  readonly ratio: number;
  readonly spread: readonly [number, number];
  readonly n: number;
}

const LEAST_ROUNDS = 3;

/**
 * Runs both sides in turn until the time is over, so that what else the machine does meets both. The order within a pair
 * changes each time: neither always follows the other's writes. The ratio is taken within pairs, then its median.
 * The first pair warms up and does not count.
 * @param budgetMs is kept where three pairs fit into it
 */
export async function alternate(ours: Round, peer: Round, budgetMs: number): Promise<Comparison> {
  const start = performance.now();
  await peer();
  await ours();
  const pairs: { readonly value: number; readonly peer: number }[] = [];
  let longestMs = performance.now() - start;
  for (;;) {
    const pairStart = performance.now();
    const isOursFirst = pairs.length % 2 === 0;
    const first = await (isOursFirst ? ours : peer)();
    const second = await (isOursFirst ? peer : ours)();
    pairs.push(isOursFirst ? { value: first, peer: second } : { value: second, peer: first });
    longestMs = Math.max(longestMs, performance.now() - pairStart);
    if (pairs.length >= LEAST_ROUNDS && performance.now() - start + longestMs > budgetMs) break;
  }
  const ratios = pairs.map((pair) => pair.value / pair.peer);
  return {
    value: median(pairs.map((pair) => pair.value)),
    peer: median(pairs.map((pair) => pair.peer)),
    ratio: median(ratios),
    spread: [Math.min(...ratios), Math.max(...ratios)],
    n: pairs.length,
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length === 0) return Number.NaN;
  return Number.isInteger(middle) ? (sorted[middle - 1]! + sorted[middle]!) / 2 : sorted[Math.floor(middle)]!;
}
