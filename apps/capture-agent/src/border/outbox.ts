import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { closeDescriptor } from '@bpfleet/linux';
import type { DescriptorSender } from './descriptors.js';
import { encodeFrame } from './framing.js';
import { encodeMessage } from './messages.js';

/** What goes ahead of a message, on the other channel. It is the outbox's, which closes it. */
export interface Enclosed {
  readonly fd: number;
  readonly number: number;
}

interface Letter {
  readonly message: unknown;
  readonly enclosed: Enclosed | undefined;
}

/** More wait for a reader that does not read: it is given up. */
const MAX_LETTERS = 10_000;
const NO_ROOM_MS = 10;

/** Sends messages in order, as fast as they are read, each behind the descriptor that belongs to it. */
export class Outbox {
  readonly #letters: Letter[] = [];
  #isSending = false;
  #isStopped = false;

  constructor(
    private readonly stream: Writable,
    private readonly descriptors: DescriptorSender,
    /** It cannot go on: the reader is gone, or does not read. */
    private readonly onBroken: (error: unknown) => void,
  ) {}

  put(message: unknown, enclosed?: Enclosed): void {
    if (this.#isStopped) {
      if (enclosed) closeDescriptor(enclosed.fd);
      return;
    }
    this.#letters.push({ message, enclosed });
    if (this.#letters.length > MAX_LETTERS) this.onBroken(new Error(`${MAX_LETTERS} messages were not read`));
    else if (!this.#isSending) void this.#send();
  }

  stop(): void {
    this.#isStopped = true;
    for (const { enclosed } of this.#letters.splice(0)) if (enclosed) closeDescriptor(enclosed.fd);
  }

  async #send(): Promise<void> {
    this.#isSending = true;
    try {
      for (let letter = this.#letters[0]; letter !== undefined; letter = this.#letters[0]) {
        const { message, enclosed } = letter;
        if (enclosed && !this.descriptors.send(enclosed.fd, enclosed.number)) {
          await delay(NO_ROOM_MS);
          continue;
        }
        this.#letters.shift();
        if (enclosed) closeDescriptor(enclosed.fd);
        if (!this.stream.write(encodeFrame(encodeMessage(message)))) await this.#drained();
      }
    } catch (error) {
      if (!this.#isStopped) this.onBroken(error);
    } finally {
      this.#isSending = false;
    }
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.stream.off('drain', done);
        this.stream.off('close', done);
        resolve();
      };
      this.stream.on('drain', done);
      this.stream.on('close', done);
      if (this.stream.destroyed) done();
    });
  }
}
