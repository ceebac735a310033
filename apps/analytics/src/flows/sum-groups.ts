import { formatAddress, protocolName } from '@bpfleet/packet';
import { HostSums, ServiceSums, type StoredSum } from '@bpfleet/store';
import { FlowTotals, isVersionOf, weightedVersions, weightOf } from './flow-sum.js';

type Totals = Map<string, FlowTotals>;
/** Of packets that have no such key. */
export const OTHER = 'other';

/** What sums add up to by agent; `version` is the one that is asked for. */
export const byAgent = (sums: readonly StoredSum[], version: string | undefined): Totals =>
  added(sums.map((sum) => [sum.agent, sum, weightOf(sum.filters, sum.weights, version)]));

/** A packet counts for each version that stored it. */
export const byFilter = (sums: readonly StoredSum[], asked: string | undefined): Totals =>
  added(
    sums.flatMap((sum) =>
      weightedVersions(sum.filters, sum.weights)
        .filter(({ version }) => asked === undefined || isVersionOf(version, asked))
        .map(({ version, weight }) => [version, sum, weight] as const),
    ),
  );

/** @param stepNs of the keys, which count steps since 1970 */
export const byTime = (sums: readonly StoredSum[], version: string | undefined, stepNs: bigint): Totals =>
  added(sums.map((sum) => [String(sum.bucketNs / stepNs), sum, weightOf(sum.filters, sum.weights, version)] as const));

/** @param sums with services as their keys */
export function byService(sums: readonly StoredSum[], version: string | undefined, by: 'port' | 'protocol'): Totals {
  const totals: Totals = new Map();
  for (const [weight, some] of byWeight(sums, version)) {
    const services = new ServiceSums();
    for (const { keys } of some) services.addEncoded(keys);
    for (const { key, packets, bytes } of services.sums()) {
      const name = by === 'protocol' ? protocolName(key.protocol) : key.port < 0 ? OTHER : String(key.port);
      totalOf(totals, name).add(packets, bytes, weight);
    }
    for (const { otherPackets, otherBytes } of some) {
      if (otherPackets > 0) totalOf(totals, OTHER).add(otherPackets, otherBytes, weight);
    }
  }
  return totals;
}

/** Hosts by what they sent and got: there are too many of them for a text each. */
export class HostTotals {
  readonly #hosts = new HostSums();
  readonly #sums: StoredSum[] = [];

  constructor(private readonly version: string | undefined) {}

  /** @param sum with hosts as its keys */
  add(sum: StoredSum): void {
    this.#hosts.addEncoded(sum.keys);
    this.#sums.push(sum);
  }

  largest(order: 'packets' | 'bytes', limit: number): [string, FlowTotals][] {
    const weighted = byWeight(this.#sums, this.version);
    const largest = this.#hosts.largest(order, limit).map(({ key, packets, bytes }) => {
      const totals = new FlowTotals();
      if (weighted.size <= 1) totals.add(packets, bytes, weighted.keys().next().value ?? 1);
      return { key, totals };
    });
    if (weighted.size > 1) {
      for (const [weight, some] of weighted) {
        const part = new HostSums();
        for (const { keys } of some) part.addEncoded(keys);
        for (const { key, totals } of largest) {
          const { packets, bytes } = part.of(key);
          totals.add(packets, bytes, weight);
        }
      }
    }
    return largest.map(({ key, totals }) => [formatAddress(key, 0, key.length), totals]);
  }
}

export function totalOfAll(sums: readonly StoredSum[], version: string | undefined): FlowTotals {
  const total = new FlowTotals();
  for (const { packets, bytes, filters, weights } of sums)
    total.add(packets, bytes, weightOf(filters, weights, version));
  return total;
}

function byWeight(sums: readonly StoredSum[], version: string | undefined): Map<number, StoredSum[]> {
  const weighted = new Map<number, StoredSum[]>();
  for (const sum of sums) {
    const weight = weightOf(sum.filters, sum.weights, version);
    const known = weighted.get(weight);
    if (known) known.push(sum);
    else weighted.set(weight, [sum]);
  }
  return weighted;
}

function added(parts: readonly (readonly [key: string, sum: StoredSum, weight: number])[]): Totals {
  const totals: Totals = new Map();
  for (const [key, { packets, bytes }, weight] of parts) totalOf(totals, key).add(packets, bytes, weight);
  return totals;
}

function totalOf(totals: Totals, key: string): FlowTotals {
  const known = totals.get(key);
  if (known) return known;
  const made = new FlowTotals();
  totals.set(key, made);
  return made;
}
