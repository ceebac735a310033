import { formatAddress, protocolName } from '@bpfleet/packet';
import { LargestHosts, ServiceSums, type StoredSum, type Totals } from '@bpfleet/store';
import { FlowTotals, isVersionOf, weightedVersions, weightOf } from './flow-sum.js';

/** Of packets that have no such key. */
export const OTHER = 'other';

/** Keys with what they add up to. */
export type Entries = readonly (readonly [key: string, totals: Totals])[];

/** What sums add up to by some key, while they arrive: nothing else is kept of them. `version` is the one that is asked for. */
export interface SumGroups {
  add(sum: StoredSum): void;
  /** All of them, or at least the `limit` largest. */
  entries(order: 'packets' | 'bytes', limit: number): Entries;
}

/** By keys that stand beside the counts. */
export class KeyGroups implements SumGroups {
  readonly totals = new Map<string, FlowTotals>();

  constructor(private readonly keysOf: (sum: StoredSum) => readonly (readonly [key: string, weight: number])[]) {}

  add(sum: StoredSum): void {
    if (sum.packets === 0) return;
    for (const [key, weight] of this.keysOf(sum)) totalOf(this.totals, key).add(sum.packets, sum.bytes, weight);
  }

  entries(): Entries {
    return [...this.totals];
  }
}

export const byAgent = (version: string | undefined): KeyGroups =>
  new KeyGroups(({ agent, filters, weights }) => [[agent, weightOf(filters, weights, version)]]);

/** A packet counts for each version that stored it. */
export const byFilter = (asked: string | undefined): KeyGroups =>
  new KeyGroups(({ filters, weights }) =>
    weightedVersions(filters, weights)
      .filter(({ version }) => asked === undefined || isVersionOf(version, asked))
      .map(({ version, weight }) => [version, weight]),
  );

/** @param stepNs of the keys, which count steps since 1970 */
export const byTime = (version: string | undefined, stepNs: bigint): KeyGroups =>
  new KeyGroups(({ bucketNs, filters, weights }) => [[String(bucketNs / stepNs), weightOf(filters, weights, version)]]);

/** Sums with services as their keys. */
export class ServiceGroups implements SumGroups {
  readonly #services = new ServiceSums();
  readonly #others = new FlowTotals();

  constructor(
    private readonly version: string | undefined,
    private readonly by: 'port' | 'protocol',
  ) {}

  add({ keys, filters, weights, otherPackets, otherBytes }: StoredSum): void {
    const weight = weightOf(filters, weights, this.version);
    this.#services.addEncoded(keys, weight);
    this.#others.add(otherPackets, otherBytes, weight);
  }

  entries(): Entries {
    const totals = new Map<string, FlowTotals>();
    for (const { key, ...sum } of this.#services.sums()) {
      const name = this.by === 'protocol' ? protocolName(key.protocol) : key.port < 0 ? OTHER : String(key.port);
      totalOf(totals, name).merge(sum);
    }
    if (this.#others.packets > 0) totalOf(totals, OTHER).merge(this.#others);
    return [...totals];
  }
}

/** Sums with hosts as their keys, by what these sent and got: there are too many of them for a text each. */
export class HostGroups implements SumGroups {
  readonly #hosts = new LargestHosts();

  constructor(private readonly version: string | undefined) {}

  /** @throws BpfleetError `REQUEST_INVALID` when there are more hosts than one question may have */
  add({ keys, filters, weights }: StoredSum): void {
    this.#hosts.addEncoded(keys, weightOf(filters, weights, this.version));
  }

  /** @throws as `add` does */
  entries(order: 'packets' | 'bytes', limit: number): Entries {
    const largest = this.#hosts.largest(order, limit);
    return largest.map(({ key, ...totals }) => [formatAddress(key, 0, key.length), totals]);
  }
}

export function totalOf(totals: Map<string, FlowTotals>, key: string): FlowTotals {
  const known = totals.get(key);
  if (known) return known;
  const made = new FlowTotals();
  totals.set(key, made);
  return made;
}
