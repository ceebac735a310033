import { errno, libc } from '../calls/libc.js';
import { SystemCallError } from '../calls/system-call-error.js';

/** `struct pollfd`, include/uapi/asm-generic/poll.h. */
const POLLFD = { fd: 0, events: 4, revents: 6, bytes: 8 } as const;
const POLLIN = 0x001;
/** POLLERR, POLLHUP, POLLNVAL: reported whether asked for or not. */
const POLL_FAULT = 0x008 | 0x010 | 0x020;

/**
 * Waits for several descriptors in poll(2). It blocks the thread, so it belongs into a worker thread, with a `WakeUp`
 * among the descriptors to end the wait from outside. Allocates only when it is made.
 */
export class PollSet {
  readonly #pollfds: DataView;
  readonly #bytes: Uint8Array;
  readonly #count: number;

  constructor(fds: readonly number[]) {
    this.#count = fds.length;
    this.#bytes = new Uint8Array(fds.length * POLLFD.bytes);
    this.#pollfds = new DataView(this.#bytes.buffer);
    for (const [index, fd] of fds.entries()) {
      this.#pollfds.setInt32(index * POLLFD.bytes + POLLFD.fd, fd, true);
      this.#pollfds.setInt16(index * POLLFD.bytes + POLLFD.events, POLLIN, true);
    }
  }

  /**
   * Answers how many descriptors are ready, 0 after the timeout (-1: none). A signal also ends the wait with 0: callers
   * loop anyway.
   */
  wait(timeoutMs: number): number {
    const ready = libc().poll(this.#bytes, this.#count, timeoutMs);
    if (ready >= 0) return ready;
    const error = new SystemCallError('poll', errno());
    if (error.errno !== 'EINTR') throw error;
    for (let index = 0; index < this.#count; index++) {
      this.#pollfds.setInt16(index * POLLFD.bytes + POLLFD.revents, 0, true);
    }
    return 0;
  }

  /** Whether the last wait found something to read there. */
  isReadable(index: number): boolean {
    return (this.#events(index) & POLLIN) !== 0;
  }

  /**
   * Whether the last wait found an error there. A packet socket reports one when its interface goes down, and again at
   * each wait until `PacketSocket.takeError` has read it.
   */
  isFaulty(index: number): boolean {
    return (this.#events(index) & POLL_FAULT) !== 0;
  }

  #events(index: number): number {
    return this.#pollfds.getInt16(index * POLLFD.bytes + POLLFD.revents, true);
  }
}

/** Blocks until one of the descriptors is readable or faulty; answers which. A loop is better off with a `PollSet`. */
export function waitReadable(fds: readonly number[], timeoutMs: number): number[] {
  const set = new PollSet(fds);
  if (set.wait(timeoutMs) === 0) return [];
  return fds.filter((_, index) => set.isReadable(index) || set.isFaulty(index));
}
