import { ALWAYS, type PacketTimes } from '../attribution/attribution.js';

/** In the spool's folder. */
export const KEPT_TIMES_FILE = 'take-overs';

/** A number of the opener's, then from when and until when packets of that socket are its own. A free row has no number. */
const ROW = { socket: 0, fromMs: 1, untilMs: 2, words: 3 } as const;
/** At one time: each has a ring of 1 MiB at least, and none outlives it. */
export const MOST_KEPT = 1024;

/**
 * The cuts of take-overs in mapped memory, written before a packet is decided by them: a process after one that was killed
 * cuts between the same sockets at the same times, so that a packet in two rings is taken from the same one, whichever
 * process comes to it. A row counts once its number is there, and each other change is one store.
 */
export class KeptTimes {
  static readonly sizeBytes = MOST_KEPT * ROW.words * 8;
  readonly #words: Float64Array;
  readonly #rows = new Map<number, number>();
  #free: number[] = [];

  /** @param memory of `sizeBytes` */
  constructor(memory: ArrayBuffer) {
    this.#words = new Float64Array(memory, 0, MOST_KEPT * ROW.words);
    for (let row = 0; row < this.#words.length; row += ROW.words) {
      const socket = this.#words[row]!;
      if (socket === 0) this.#free.push(row);
      else this.#rows.set(socket, row);
    }
    this.#free.reverse();
  }

  of(socket: number): PacketTimes {
    const row = this.#rows.get(socket);
    if (row === undefined) return ALWAYS;
    return { fromMs: this.#words[row + ROW.fromMs]!, untilMs: this.#words[row + ROW.untilMs]! };
  }

  keep(socket: number, { fromMs, untilMs }: PacketTimes): void {
    if (fromMs === ALWAYS.fromMs && untilMs === ALWAYS.untilMs) {
      this.forget(socket);
      return;
    }
    const known = this.#rows.get(socket);
    const row = known ?? this.#free.pop();
    // More rings than memory has room for.
    if (row === undefined) return;
    this.#words[row + ROW.fromMs] = fromMs;
    this.#words[row + ROW.untilMs] = untilMs;
    this.#words[row] = socket;
    this.#rows.set(socket, row);
  }

  forget(socket: number): void {
    const row = this.#rows.get(socket);
    if (row === undefined) return;
    this.#words[row] = 0;
    this.#rows.delete(socket);
    this.#free.push(row);
  }

  /** Others have ended. */
  forgetAllBut(sockets: ReadonlyMap<number, unknown>): void {
    for (const socket of [...this.#rows.keys()]) if (!sockets.has(socket)) this.forget(socket);
  }
}
