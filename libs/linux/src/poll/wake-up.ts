import { closeDescriptor, libc, succeed } from '../calls/libc.js';

/** include/uapi/linux/eventfd.h */
const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;

/** eventfd(2) reads and writes one 64-bit number. */
const one = new Uint8Array(new BigUint64Array([1n]).buffer);
const counter = new Uint8Array(8);

/**
 * Ends a poll in another thread. Descriptors belong to the whole process: the owner creates it and passes `fd` to the
 * worker, which polls it and, when it is readable, calls `WakeUp.ofDescriptor(fd).clear()` and looks what it was told.
 * A wake before the poll is not lost; several count as one.
 */
export class WakeUp {
  #open = true;

  private constructor(
    readonly fd: number,
    private readonly owned: boolean,
  ) {}

  static create(): WakeUp {
    return new WakeUp(succeed('eventfd', libc().eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), true);
  }

  /** The same wake-up seen from another thread; closing this one leaves the descriptor open. */
  static ofDescriptor(fd: number): WakeUp {
    return new WakeUp(fd, false);
  }

  /** Makes the descriptor readable. After `close` it does nothing. */
  wake(): void {
    // EAGAIN means that the counter is at its maximum: the reader is awake already.
    if (this.#open) libc().write(this.fd, one, one.length);
  }

  /** Makes the descriptor unreadable again. */
  clear(): void {
    // EAGAIN means that there was nothing to clear.
    if (this.#open) libc().read(this.fd, counter, counter.length);
  }

  /** To be called by the owner after the other thread has ended. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.owned) closeDescriptor(this.fd);
  }
}
