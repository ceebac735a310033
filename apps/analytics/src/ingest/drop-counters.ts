import type { SectionHeader } from '@bpfleet/contract';
import type { Section } from '@bpfleet/section';
import { droppedSinceEpoch } from '../ledger/section-counters.js';

/** Turns an agent's growing counter of drops into drops per section. */
export class DropCounters {
  /** By agent: only the newest epoch goes on. */
  readonly #last = new Map<string, { epoch: number; seq: number; dropped: number }>();

  /**
   * Packets dropped since the agent's section before. 0 when that one is not known: the first after a restart of this
   * process, or after one that was lost. Queries compare the ledgers themselves.
   */
  since(
    { agent, epoch, seq }: Pick<SectionHeader, 'agent' | 'epoch' | 'seq'>,
    section: Pick<Section, 'ledger'>,
  ): number {
    const dropped = droppedSinceEpoch(section);
    if (dropped === undefined) return 0;
    const last = this.#last.get(agent);
    const isSameEpoch = last?.epoch === epoch;
    if (isSameEpoch && seq <= last.seq) return 0;
    // A late section of an older epoch must not make the newer one forget where it was.
    if (!last || epoch >= last.epoch) this.#last.set(agent, { epoch, seq, dropped });
    const before = isSameEpoch ? last.dropped : seq === 0 ? 0 : dropped;
    return Math.max(0, dropped - before);
  }
}
