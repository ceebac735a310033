import type { Tally } from './record-header.js';
import { isBefore, type SpoolPlace } from './spool-folder.js';

/** In the spool's folder. */
export const MARKS_FILE = 'marks';
export const MARKS_BYTES = 4096;

const MAGIC = 0xb9f15b1;
const WORD = { magic: 0, bank: 1 } as const;
/** Two banks of the same words: one is valid, the other is written, then one store makes that the valid one. */
const BANKS = [8, 64] as const;
const MARK = {
  done: 0,
  sent: 2,
  sentPackets: 3,
  evicted: 4,
  evictedPackets: 5,
  evictedFrom: 6,
  evictedTo: 8,
} as const;

export interface Marks {
  /** Everything before was acknowledged or given up. */
  readonly done: SpoolPlace;
  readonly sent: Tally;
  readonly evicted: Tally;
  /** Given up too, behind sections that were in flight then. Empty when both are equal. */
  readonly evictedFrom: SpoolPlace;
  readonly evictedTo: SpoolPlace;
}

/** How far the spool was sent, and what was given up: always of one moment, also after kill -9. Kept in mapped memory. */
export class SpoolMarks {
  readonly #words: Float64Array;

  constructor(memory: ArrayBuffer) {
    this.#words = new Float64Array(memory, 0, MARKS_BYTES / 8);
    if (this.#words[WORD.magic] === MAGIC) return;
    this.#words.fill(0);
    this.#words[WORD.magic] = MAGIC;
  }

  read(): Marks {
    const at = BANKS[this.#words[WORD.bank] === 1 ? 1 : 0];
    const word = (mark: number): number => this.#words[at + mark]!;
    const place = (mark: number): SpoolPlace => ({ segment: word(mark), offset: word(mark + 1) });
    return {
      done: place(MARK.done),
      evictedFrom: place(MARK.evictedFrom),
      evictedTo: place(MARK.evictedTo),
      sent: { sections: word(MARK.sent), packets: word(MARK.sentPackets) },
      evicted: { sections: word(MARK.evicted), packets: word(MARK.evictedPackets) },
    };
  }

  /** Never goes back. */
  write({ done, sent, evicted, evictedFrom, evictedTo }: Marks): void {
    if (isBefore(done, this.read().done)) return;
    const other = this.#words[WORD.bank] === 1 ? 0 : 1;
    this.#words.set(
      [
        ...[done.segment, done.offset, sent.sections, sent.packets, evicted.sections, evicted.packets],
        ...[evictedFrom.segment, evictedFrom.offset, evictedTo.segment, evictedTo.offset],
      ],
      BANKS[other],
    );
    this.#words[WORD.bank] = other;
  }
}
