import { type Amount, sumOf } from './amount.js';
import type { StoreCounts } from './section-store.js';

/** What became of sections, over all epochs. */
export interface StoreFigures {
  readonly sent: Amount;
  readonly evicted: Amount;
  readonly waiting: Amount;
  /** Waits no more, and was not sent. */
  readonly damaged: Amount;
}

export const storeFigures = (sent: Amount, stores: readonly StoreCounts[]): StoreFigures => ({
  sent,
  evicted: sumOf(stores.map(({ evicted }) => evicted)),
  waiting: sumOf(stores.map(({ waiting }) => waiting)),
  damaged: sumOf(stores.map(({ damaged }) => damaged)),
});
