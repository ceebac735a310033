import type { BacktestCounts } from '@bpfleet/contract';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Amount = Mutable<BacktestCounts['matched']>;

const nothing = (): Amount => ({ packets: 0, bytes: 0, storedBytes: 0 });

/** How a candidate differs on a packet from the version that it is compared with, or why that is not told. */
export type Difference = 'gained' | 'lost' | 'notStoredByVersion';

/** What one packet adds. */
export interface Judged {
  readonly verdict: 'yes' | 'no' | 'undecided';
  /** Whether the version that is compared with stored it. */
  readonly isKept: boolean;
  /** Undefined where both agree, or the candidate cannot tell. */
  readonly difference: Difference | undefined;
  readonly wireLength: number;
  /** What is stored of it. */
  readonly capturedLength: number;
}

/** Counts the packets of one agent, or of all. */
export class Tally {
  readonly #matched = nothing();
  readonly #against = nothing();
  readonly #differences: Readonly<Record<Difference, Amount>> = {
    gained: nothing(),
    lost: nothing(),
    notStoredByVersion: nothing(),
  };
  #undecided = 0;

  constructor(
    private readonly snaplenBytes: number,
    private readonly compares: boolean,
  ) {}

  add({ verdict, isKept, difference, wireLength, capturedLength }: Judged): void {
    const kept = Math.min(wireLength, this.snaplenBytes);
    if (verdict === 'undecided') this.#undecided++;
    if (verdict === 'yes') count(this.#matched, wireLength, kept);
    if (isKept) count(this.#against, wireLength, capturedLength);
    if (difference === undefined) return;
    // Only what is gained the candidate would store; the rest is stored as it is.
    count(this.#differences[difference], wireLength, difference === 'gained' ? kept : capturedLength);
  }

  get matchedPackets(): number {
    return this.#matched.packets;
  }

  get counts(): BacktestCounts {
    const compared = this.compares ? { against: this.#against, ...this.#differences } : {};
    return { matched: this.#matched, ...compared, undecided: this.#undecided };
  }
}

function count(amount: Amount, wireLength: number, storedBytes: number): void {
  amount.packets++;
  amount.bytes += wireLength;
  amount.storedBytes += storedBytes;
}
