import type { CaptureCounters, SocketCounts } from './capture/ring/capture-messages.js';

export type SocketSum = { [Name in 'passed' | 'dropped' | 'taken']: number };

/** Interfaces come and go for months; later ones have no sum of their own. */
export const MOST_INTERFACES = 256;
/** Of sockets that are bound to none, as in the ledger. */
const SHARED = '*';
/** What interfaces have no sum of their own for, and what sockets counted after they were last seen. */
export const OTHER = 'other';
const NAMES = ['passed', 'dropped', 'taken'] as const;

/**
 * What sockets counted, by interface. No sum ever goes back: those of a socket that ended stay with its interface. All sums
 * together are what all sockets counted, the ended ones too.
 */
export class SocketSums {
  readonly #sums = new Map<string, SocketSum>();
  readonly #seen = new Map<number, SocketSum>();
  readonly #other = none();

  /** @returns the sums by now */
  see({ sockets, ended }: CaptureCounters): ReadonlyMap<string, Readonly<SocketSum>> {
    for (const socket of sockets) this.#add(socket);
    const live = new Set(sockets.map(({ socket }) => socket));
    for (const socket of this.#seen.keys()) if (!live.has(socket)) this.#seen.delete(socket);
    for (const name of NAMES) {
      const all = sumOf([ended, ...sockets], name);
      this.#other[name] = Math.max(this.#other[name], all - sumOf(this.#sums.values(), name));
    }
    return new Map([...this.#sums, [OTHER, this.#other]]);
  }

  #add(socket: SocketCounts): void {
    const sum = this.#sumOf(socket.interfaces.length === 1 ? socket.interfaces[0]! : SHARED);
    if (sum === undefined) return;
    const seen = this.#seen.get(socket.socket) ?? none();
    this.#seen.set(socket.socket, seen);
    for (const name of NAMES) {
      const rise = Math.max(0, socket[name] - seen[name]);
      seen[name] += rise;
      sum[name] += rise;
    }
  }

  #sumOf(device: string): SocketSum | undefined {
    const known = this.#sums.get(device);
    if (known !== undefined || this.#sums.size >= MOST_INTERFACES) return known;
    const sum = none();
    this.#sums.set(device, sum);
    return sum;
  }
}

const none = (): SocketSum => ({ passed: 0, dropped: 0, taken: 0 });

const sumOf = (rows: Iterable<Readonly<SocketSum>>, name: keyof SocketSum): number =>
  [...rows].reduce((sum, row) => sum + row[name], 0);
