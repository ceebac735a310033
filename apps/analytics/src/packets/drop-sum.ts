import type { SectionHeader } from '@bpfleet/contract';
import type { Section } from '@bpfleet/section';
import { droppedSinceEpoch } from '../ledger.js';

/**
 * Adds up what the kernels dropped while the scanned sections were captured. Ledgers carry counters that grow over an
 * epoch, so it is the distance between the lowest and the highest seen of each; sections may come in any order. Drops
 * before the first scanned section are not counted, except at the beginning of an epoch.
 */
export class DropSum {
  readonly #epochs = new Map<string, { least: number; most: number }>();

  add({ agent, epoch, seq }: Pick<SectionHeader, 'agent' | 'epoch' | 'seq'>, section: Pick<Section, 'ledger'>): void {
    const dropped = droppedSinceEpoch(section);
    if (dropped === undefined) return;
    const from = seq === 0 ? 0 : dropped;
    const key = `${agent}.${epoch}`;
    const seen = this.#epochs.get(key);
    if (!seen) this.#epochs.set(key, { least: from, most: dropped });
    else {
      seen.least = Math.min(seen.least, from);
      seen.most = Math.max(seen.most, dropped);
    }
  }

  get total(): number {
    let total = 0;
    for (const { least, most } of this.#epochs.values()) total += most - least;
    return total;
  }
}
