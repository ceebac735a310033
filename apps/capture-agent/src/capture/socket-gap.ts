import type { CaptureSocket } from '../border/opener-port.js';

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
 * Where the opener lived on, its sockets were read before, and there is no such time. Both ends are what the host's clock
 * said then: where it was set back meanwhile, the end comes first.
 */
export class SocketGap {
  #openedAtMs = 0;
  #isOver = false;
  #livedOn = false;

  /**
   * @param readAtMs when a process before last read its rings to their ends, Unix ms; undefined: there was none that did
   * @param isReadAtLost there was one, and what told it is damaged: `readAtMs` is the newest packet that is left of it, or nothing
   */
  constructor(
    private readonly readAtMs: number | undefined,
    private readonly isReadAtLost = false,
  ) {}

  /** A socket is there. */
  found({ openedAtMs, wasRead }: Pick<CaptureSocket, 'openedAtMs' | 'wasRead'>): void {
    if (this.#isOver) return;
    this.#openedAtMs = Math.max(this.#openedAtMs, openedAtMs);
    this.#livedOn ||= wasRead;
  }

  /**
   * A desired state was carried out. Sockets that come from here on are of interfaces or filters that are new.
   * @returns whether it is over now, and was not before
   */
  carriedOut(): boolean {
    const wasOver = this.#isOver;
    this.#isOver = this.#openedAtMs > 0;
    return this.#isOver && !wasOver;
  }

  /** What is not known of it any more, for people; undefined: nothing. */
  get lost(): string | undefined {
    if (!this.#isOver || !this.isReadAtLost || this.#livedOn) return undefined;
    const until = `until ${new Date(this.#openedAtMs).toISOString()}`;
    const from = this.interval
      ? `the newest packet that is left is of ${new Date(this.readAtMs!).toISOString()}, and what came after it`
      : 'what came';
    return `since when no socket stood is not known: ${from} ${until} is in no count`;
  }

  get interval(): Interval | undefined {
    if (!this.#isOver || this.readAtMs === undefined || this.#livedOn) return undefined;
    return { fromMs: this.readAtMs - BLOCK_MS, toMs: this.#openedAtMs };
  }
}
