import type { KnownLosses } from '@bpfleet/store';
import type { LedgerSource } from '../ledger/ledger-source.js';
import type { PacketRequest } from './packet-request.js';
import { sectionQuery } from './section-query.js';
import type { SectionSource } from './section-source.js';

/** How far a scan of a range came: whatever ends at `sinceNs` or later was read, or passed over by its index. */
export interface Passed {
  readonly sinceNs: bigint;
  /** Of these, how many were read. */
  readonly sectionsRead: number;
}

/**
 * What is to be said of a range beside the packets in it. It is asked for when the scan begins, since it mostly depends on nothing that
 * one finds: Postgres answers it on another processor while the scan reads.
 */
export class RangeFigures {
  readonly losses: Promise<KnownLosses>;
  /** Where the index passes sections over: how many there are, counted by itself so that reading the others stays as fast as it is. */
  readonly #sections: Promise<number>;

  constructor(
    private readonly source: Pick<SectionSource, 'count'>,
    ledger: Pick<LedgerSource, 'losses'>,
    private readonly request: PacketRequest,
  ) {
    const { sinceNs, untilNs, agent } = request;
    this.losses = ledger.losses({ sinceNs, untilNs: untilNs - 1n, agent });
    this.#sections = this.#prunes ? this.#count(sinceNs) : Promise.resolve(0);
    // Who asks for them hears of it; nobody does where the scan itself fails.
    for (const figure of [this.losses, this.#sections]) figure.catch(() => {});
  }

  /** Sections that a scan passed over. */
  async pruned({ sinceNs, sectionsRead }: Passed): Promise<number> {
    if (!this.#prunes) return 0;
    const there = await (sinceNs === this.request.sinceNs ? this.#sections : this.#count(sinceNs));
    // Sections come in and are removed meanwhile.
    return Math.max(0, there - sectionsRead);
  }

  get #prunes(): boolean {
    return this.request.sectionTest.kind !== 'all';
  }

  #count(sinceNs: bigint): Promise<number> {
    return this.source.count(sectionQuery({ ...this.request, sinceNs }, 'newest'));
  }
}
