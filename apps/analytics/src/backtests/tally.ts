import type { BacktestCounts } from '@bpfleet/contract';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Amount = Mutable<BacktestCounts['matched']>;

const nothing = (): Amount => ({ packets: 0, bytes: 0, storedBytes: 0 });

/** What one packet adds. */
export interface Judged {
  readonly verdict: 'yes' | 'no' | 'undecided';
  /** Whether the version that is compared with stored it. */
  readonly isKept: boolean;
  readonly wireLength: number;
  /** What is stored of it. */
  readonly capturedLength: number;
}

/** Counts the packets of one agent, or of all. */
export class Tally {
  readonly #matched = nothing();
  readonly #against = nothing();
  readonly #gained = nothing();
  readonly #lost = nothing();
  #undecided = 0;

  constructor(
    private readonly snaplenBytes: number,
    private readonly compares: boolean,
  ) {}

  add({ verdict, isKept, wireLength, capturedLength }: Judged): void {
    const kept = Math.min(wireLength, this.snaplenBytes);
    if (verdict === 'undecided') this.#undecided++;
    if (verdict === 'yes') count(this.#matched, wireLength, kept);
    if (isKept) count(this.#against, wireLength, capturedLength);
    if (verdict === 'yes' && !isKept) count(this.#gained, wireLength, kept);
    if (verdict === 'no' && isKept) count(this.#lost, wireLength, capturedLength);
  }

  get matchedPackets(): number {
    return this.#matched.packets;
  }

  get counts(): BacktestCounts {
    const compared = this.compares ? { against: this.#against, gained: this.#gained, lost: this.#lost } : {};
    return { matched: this.#matched, ...compared, undecided: this.#undecided };
  }
}

function count(amount: Amount, wireLength: number, storedBytes: number): void {
  amount.packets++;
  amount.bytes += wireLength;
  amount.storedBytes += storedBytes;
}
