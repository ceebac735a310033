import { closeDescriptor, errno, libc, succeed } from '../calls/libc.js';
import { SystemCallError } from '../calls/system-call-error.js';

/** include/uapi/linux/eventpoll.h */
const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 0x001;
/** EPOLLERR and EPOLLHUP are reported whether asked for or not. */
const EPOLL_FAULT = 0x008 | 0x010;
const EPOLLET = 2 ** 31;

/** `struct epoll_event`: without padding on x86-64 only (EPOLL_PACKED). */
const EVENT = process.arch === 'x64' ? { events: 0, data: 4, bytes: 12 } : { events: 0, data: 8, bytes: 16 };

/**
 * As `PollSet`, but each event is told once (epoll(7), edge-triggered). For readers that hold blocks of a ring: poll(2) calls
 * a packet socket readable until the newest block is given back (`packet_poll`), taken or not, so that waiting for the next
 * block with it would not wait at all. After each wait read until there is nothing more, or what is left is not told again.
 *
 * Descriptors that are ready when the set is made count as an event. It has a descriptor itself: `close` it.
 */
export class EventSet {
  readonly #fd: number;
  readonly #events: DataView;
  readonly #bytes: Uint8Array;
  /** By place in the list: what the last wait found there. */
  readonly #found: Uint32Array;
  #isOpen = true;

  /** @throws SystemCallError `EPERM` for a descriptor that cannot be waited for, a file's */
  constructor(fds: readonly number[]) {
    this.#found = new Uint32Array(fds.length);
    this.#bytes = new Uint8Array(Math.max(fds.length, 1) * EVENT.bytes);
    this.#events = new DataView(this.#bytes.buffer);
    this.#fd = succeed('epoll_create1', libc().epoll_create1(EPOLL_CLOEXEC));
    try {
      for (const [index, fd] of fds.entries()) this.#add(fd, index);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Answers for how many descriptors something happened, 0 after the timeout (-1: none). A signal also ends the wait with 0:
   * callers loop anyway.
   */
  wait(timeoutMs: number): number {
    this.#found.fill(0);
    const count = libc().epoll_wait(this.#fd, this.#bytes, Math.max(this.#found.length, 1), timeoutMs);
    if (count < 0) {
      const error = new SystemCallError('epoll_wait', errno());
      if (error.errno !== 'EINTR') throw error;
      return 0;
    }
    for (let at = 0; at < count * EVENT.bytes; at += EVENT.bytes) {
      this.#found[this.#events.getUint32(at + EVENT.data, true)] = this.#events.getUint32(at + EVENT.events, true);
    }
    return count;
  }

  /** Whether something to read came there before the last wait ended. */
  isReadable(index: number): boolean {
    return (this.#found[index]! & EPOLLIN) !== 0;
  }

  /** Whether an error came there, as with `PollSet`. */
  isFaulty(index: number): boolean {
    return (this.#found[index]! & EPOLL_FAULT) !== 0;
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeDescriptor(this.#fd);
  }

  #add(fd: number, index: number): void {
    const event = new DataView(new ArrayBuffer(EVENT.bytes));
    event.setUint32(EVENT.events, EPOLLIN + EPOLLET, true);
    event.setUint32(EVENT.data, index, true);
    succeed('epoll_ctl', libc().epoll_ctl(this.#fd, EPOLL_CTL_ADD, fd, new Uint8Array(event.buffer)));
  }
}
