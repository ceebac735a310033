/** Packets lie in a block of a ring for so long before the reader is given them. */
const BLOCK_MS = 50;

/** Unix ms, by the host's clock, as packets have it. */
export interface Interval {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * The time in which no socket stood, after both processes ended: what came then is in no count of the kernel. It begins
 * where the process before may have left packets unread, and ends when the sockets of the first desired state stand.
 * Where the opener lived on, its sockets are older than its reader's end, and there is no such time.
 */
export class SocketGap {
  #openedAtMs = 0;
  #isOver = false;

  /** @param aliveAtMs when the process before was last seen reading, Unix ms; undefined: there was none */
  constructor(private readonly aliveAtMs: number | undefined) {}

  /** Packets pass a socket since then. */
  opened(atMs: number): void {
    if (!this.#isOver) this.#openedAtMs = Math.max(this.#openedAtMs, atMs);
  }

  /** A desired state was carried out. Sockets that come from here on are of interfaces or filters that are new. */
  carriedOut(): void {
    this.#isOver = this.#openedAtMs > 0;
  }

  get interval(): Interval | undefined {
    if (!this.#isOver || this.aliveAtMs === undefined || this.#openedAtMs <= this.aliveAtMs) return undefined;
    return { fromMs: this.aliveAtMs - BLOCK_MS, toMs: this.#openedAtMs };
  }
}
