import { ALWAYS, type PacketTimes } from '../attribution/attribution.js';

/** In the spool's folder. */
export const KEPT_TIMES_FILE = 'take-overs';

/** A number of the opener's, then from when and until when packets of that socket are its own. A free row has no number. */
const ROW = { socket: 0, fromMs: 1, untilMs: 2, words: 3 } as const;
/** At one time: each has a ring of 1 MiB at least, and none outlives it. */
export const MOST_KEPT = 1024;
const NO_SWAP = 0;
/** The last that a Date has. */
const LAST_MS = 8.64e15;

/**
 * The cuts between sockets and in them, in mapped memory, written before a packet is decided by them: a process after one that
 * was killed cuts between the same sockets at the same times, so that a packet in two rings is taken from the same one,
 * whichever process comes to it; and it does not go back behind a swap that was cut. A row counts once its number is there, and
 * each other change is one store.
 */
export class KeptTimes {
  /** The swap that was cut last stands behind all rows, for each of them: files without it have none. */
  static readonly sizeBytes = MOST_KEPT * (ROW.words + 1) * 8;
  readonly #words: Float64Array;
  readonly #swaps: Float64Array;
  readonly #rows = new Map<number, number>();
  #free: number[] = [];
  /** Of rows that cannot be what was written: they are free. */
  readonly damagedBytes: number;

  /** @param memory of `sizeBytes` */
  constructor(memory: ArrayBuffer) {
    this.#words = new Float64Array(memory, 0, MOST_KEPT * ROW.words);
    this.#swaps = new Float64Array(memory, this.#words.byteLength, MOST_KEPT);
    let damagedRows = 0;
    for (let row = 0; row < MOST_KEPT; row++) {
      const socket = this.#words[row * ROW.words]!;
      if (socket !== 0 && this.#isWhole(row)) this.#rows.set(socket, row);
      else {
        if (socket !== 0) damagedRows++;
        this.#words[row * ROW.words] = 0;
        this.#free.push(row);
      }
    }
    this.#free.reverse();
    this.damagedBytes = damagedRows * ROW.words * 8;
  }

  /** A disk may give back anything: a time that is none would let no packet of its socket pass. */
  #isWhole(row: number): boolean {
    const { fromMs, untilMs } = this.#timesIn(row);
    const [socket, swap] = [this.#words[row * ROW.words]!, this.#swaps[row]!];
    const isTime = (ms: number): boolean => ms >= 0 && ms <= LAST_MS;
    const isUntil = untilMs === ALWAYS.untilMs || isTime(untilMs);
    return isTime(fromMs) && isUntil && [socket, swap].every(isCount) && !this.#rows.has(socket);
  }

  of(socket: number): PacketTimes {
    const row = this.#rows.get(socket);
    return row === undefined ? ALWAYS : this.#timesIn(row);
  }

  /** @returns whether there is room for it: false leaves a process after this one without */
  keep(socket: number, times: PacketTimes): boolean {
    return this.#put(socket, times, this.#swapOf(socket));
  }

  /** Whether a process, this one or one before, has cut that swap. */
  isCut(socket: number, swap: number): boolean {
    return this.#swapOf(socket) === swap;
  }

  /** @returns as `keep` */
  keepCut(socket: number, swap: number): boolean {
    return this.#put(socket, this.of(socket), swap);
  }

  forget(socket: number): void {
    const row = this.#rows.get(socket);
    if (row === undefined) return;
    this.#words[row * ROW.words] = 0;
    this.#rows.delete(socket);
    this.#free.push(row);
  }

  /** Others have ended. */
  forgetAllBut(sockets: ReadonlyMap<number, unknown>): void {
    for (const socket of [...this.#rows.keys()]) if (!sockets.has(socket)) this.forget(socket);
  }

  #put(socket: number, { fromMs, untilMs }: PacketTimes, swap: number): boolean {
    if (fromMs === ALWAYS.fromMs && untilMs === ALWAYS.untilMs && swap === NO_SWAP) {
      this.forget(socket);
      return true;
    }
    const row = this.#rows.get(socket) ?? this.#free.pop();
    if (row === undefined) return false;
    this.#words[row * ROW.words + ROW.fromMs] = fromMs;
    this.#words[row * ROW.words + ROW.untilMs] = untilMs;
    this.#swaps[row] = swap;
    this.#words[row * ROW.words] = socket;
    this.#rows.set(socket, row);
    return true;
  }

  #timesIn(row: number): PacketTimes {
    const at = row * ROW.words;
    return { fromMs: this.#words[at + ROW.fromMs]!, untilMs: this.#words[at + ROW.untilMs]! };
  }

  #swapOf(socket: number): number {
    const row = this.#rows.get(socket);
    return row === undefined ? NO_SWAP : this.#swaps[row]!;
  }
}

const isCount = (word: number): boolean => Number.isSafeInteger(word) && word >= 0;
