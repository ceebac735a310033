import { crc32 } from 'node:zlib';
import { type Amount, type AmountsByEpoch, addTo, noAmount, plus, sumOf } from './amount.js';
import { isBefore, laterOf, type SpoolPlace } from './spool-folder.js';

/** In the spool's folder. */
export const MARKS_FILE = 'marks';
export const MARKS_BYTES = 4096;

const MAGIC = 0xb9f15b3;
const WORD = { magic: 0, bank: 1, openSection: 2 } as const;
/** Two banks of the same words: one is valid, the other is written, then one store makes that the valid one. */
const BANKS = [8, 136] as const;
const BANK_WORDS = 128;
/** A place takes two words, an amount three. The checksum is over all that follows it. */
const MARK = { crc32: 0, done: 1, evictedFrom: 3, evictedTo: 5, sent: 7, evicted: 10, epochs: 13, table: 14 } as const;
/** Epoch and amount. */
const ROW_WORDS = 4;
/** What was given up is known apart for so many epochs, the newest; that of those before is in the sum alone. */
const MAX_EPOCHS = 24;
/** Behind the table, and a checksum of what they belong to: agents that know nothing of them leave them as they were. */
const SEEN = { of: 110, end: 111, waiting: 113, epoch: 116, seq: 117, inMemory: 118, memoryEpoch: 121 } as const;

/** What of the spool was found, as far as it was read. */
export interface Seen {
  readonly end: SpoolPlace;
  /** Neither done nor damaged. */
  readonly waiting: Amount;
  /** The newest record; 0 where there is none. */
  readonly epoch: number;
  readonly seq: number;
  /** In that process's memory alone, where the disk took none, and lost with it. */
  readonly inMemory: Amount;
  /** That process's epoch. */
  readonly memoryEpoch: number;
}

export interface Marks {
  /** Everything before was acknowledged or given up. */
  readonly done: SpoolPlace;
  /** Given up too, behind sections that were in flight then. Empty when both are equal. */
  readonly evictedFrom: SpoolPlace;
  readonly evictedTo: SpoolPlace;
  readonly sent: Amount;
  readonly evicted: Amount;
  /** By epoch; those that lost nothing are left out. */
  readonly evictedOf: ReadonlyMap<number, Amount>;
  /** Undefined where it is not known: of agents that did not note it. */
  readonly seen?: Seen | undefined;
}

/**
 * How far the spool was sent, and what was given up: always of one moment, also after kill -9. Kept in mapped memory;
 * where there is none, in any: then the process after this one sends again what is still there.
 */
export class SpoolMarks {
  /** There were none, or none that can be read. */
  readonly areNew: boolean;
  readonly #words: Float64Array;

  constructor(memory: ArrayBuffer) {
    const words = new Float64Array(memory, 0, MARKS_BYTES / 8);
    this.#words = words;
    const whole = [this.#bank, 1 - this.#bank].find((bank) => words[WORD.magic] === MAGIC && this.#isWhole(bank));
    this.areNew = whole === undefined;
    // The bank before is one step behind: what that was is done again.
    if (whole !== undefined) words[WORD.bank] = whole;
    else {
      this.write(noMarks);
      this.hadOpenSection = false;
      words[WORD.magic] = MAGIC;
    }
  }

  /** Of agents that did not note it: false. */
  get hadOpenSection(): boolean {
    return this.#words[WORD.openSection] === 1;
  }
  set hadOpenSection(had: boolean) {
    this.#words[WORD.openSection] = Number(had);
  }

  read(): Marks {
    const at = BANKS[this.#bank]!;
    const word = (mark: number): number => this.#words[at + mark]!;
    const place = (mark: number): SpoolPlace => ({ segment: word(mark), offset: word(mark + 1) });
    const amount = (mark: number): Amount => ({
      sections: word(mark),
      packets: word(mark + 1),
      bytes: word(mark + 2),
    });
    const rows = Array.from({ length: word(MARK.epochs) }, (_, row) => MARK.table + row * ROW_WORDS);
    return {
      done: place(MARK.done),
      evictedFrom: place(MARK.evictedFrom),
      evictedTo: place(MARK.evictedTo),
      sent: amount(MARK.sent),
      evicted: amount(MARK.evicted),
      evictedOf: new Map(rows.map((row) => [word(row), amount(row + 1)])),
      ...(word(SEEN.of) === this.#checksum(this.#bank, SEEN.of) && {
        seen: {
          ...{ end: place(SEEN.end), waiting: amount(SEEN.waiting), epoch: word(SEEN.epoch), seq: word(SEEN.seq) },
          ...{ inMemory: amount(SEEN.inMemory), memoryEpoch: word(SEEN.memoryEpoch) },
        },
      }),
    };
  }

  write({ done, evictedFrom, evictedTo, sent, evicted, evictedOf, seen }: Marks): void {
    const other = 1 - this.#bank;
    const at = BANKS[other]!;
    const newest = [...evictedOf].sort(([a], [b]) => a - b).slice(-MAX_EPOCHS);
    const words = [
      ...[done, evictedFrom, evictedTo].flatMap(({ segment, offset }) => [segment, offset]),
      ...[sent, evicted].flatMap(wordsOf),
      newest.length,
      ...newest.flatMap(([epoch, amount]) => [epoch, ...wordsOf(amount)]),
    ];
    this.#words.fill(0, at + MARK.done, at + BANK_WORDS);
    this.#words.set(words, at + MARK.done);
    if (seen) {
      const { end, waiting, epoch, seq, inMemory, memoryEpoch } = seen;
      const of = this.#checksum(other, SEEN.of);
      const found = [of, end.segment, end.offset, ...wordsOf(waiting), epoch, seq];
      this.#words.set([...found, ...wordsOf(inMemory), memoryEpoch], at + SEEN.of);
    }
    this.#words[at + MARK.crc32] = this.#checksum(other);
    this.#words[WORD.bank] = other;
  }

  get #bank(): number {
    return this.#words[WORD.bank] === 1 ? 1 : 0;
  }

  /** What a disk gave back may be anything. */
  #isWhole(bank: number): boolean {
    return this.#words[BANKS[bank]! + MARK.crc32] === this.#checksum(bank);
  }

  #checksum(bank: number, until: number = BANK_WORDS): number {
    const words = this.#words.subarray(BANKS[bank]! + MARK.done, BANKS[bank]! + until);
    return crc32(new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
  }
}

export const noMarks: Marks = {
  done: { segment: 0, offset: 0 },
  evictedFrom: { segment: 0, offset: 0 },
  evictedTo: { segment: 0, offset: 0 },
  sent: noAmount,
  evicted: noAmount,
  evictedOf: new Map(),
};

/** Whether what begins there was acknowledged or given up. */
export const isDone = ({ done, evictedFrom, evictedTo }: Marks, place: SpoolPlace): boolean =>
  isBefore(place, done) || (!isBefore(place, evictedFrom) && isBefore(place, evictedTo));

/** Everything before `to` is done, and what was given up directly behind it. */
export function advanced(marks: Marks, to: SpoolPlace): Marks {
  if (isBefore(to, marks.evictedFrom)) return { ...marks, done: to };
  const done = laterOf(to, marks.evictedTo);
  return { ...marks, done, evictedFrom: done, evictedTo: done };
}

/** Given up is everything from `from`, where what is in flight ends, up to `to`, and what was before. */
export function withHole(marks: Marks, from: SpoolPlace, to: SpoolPlace): Marks {
  return { ...marks, evictedFrom: from, evictedTo: laterOf(to, marks.evictedTo) };
}

export function withEvicted(amounts: AmountsByEpoch, marks: Marks): Marks {
  const evictedOf = new Map(marks.evictedOf);
  for (const [epoch, amount] of amounts) addTo(evictedOf, epoch, amount);
  return { ...marks, evicted: plus(marks.evicted, sumOf(amounts.values())), evictedOf };
}

const wordsOf = ({ sections, packets, bytes }: Amount): number[] => [sections, packets, bytes];
