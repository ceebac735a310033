import type { StoredEnds } from '@bpfleet/store';
import { POLL_MS } from './config.js';
import type { TailSource } from './tail-source.js';

/** How far the store is, told to all tails of this process: one question each `POLL_MS`, as long as somebody follows. */
export class TailNews {
  #followers = 0;
  #reading: Promise<StoredEnds> | undefined;
  #again: Promise<StoredEnds> | undefined;
  #wake: () => void = () => {};
  #next: Promise<void> = Promise.resolve();
  #poll: NodeJS.Timeout | undefined;

  constructor(private readonly source: Pick<TailSource, 'ends'>) {
    this.#renew();
  }

  /** @returns ends it; to be called once */
  follow(): () => void {
    if (this.#followers++ === 0) this.#poll = setInterval(() => this.#tell(), POLL_MS);
    return () => {
      if (--this.#followers === 0) clearInterval(this.#poll);
    };
  }

  /** How far the store is, asked after this call began. */
  ends(): Promise<StoredEnds> {
    if (this.#reading === undefined) return this.#read();
    // One under way may have looked before: all who come meanwhile share the one behind it.
    this.#again ??= this.#reading.then(
      () => this.#read(),
      () => this.#read(),
    );
    return this.#again;
  }

  /** Resolves when something may have been stored after this call; take it before `ends`. */
  changed(): Promise<void> {
    return this.#next;
  }

  #read(): Promise<StoredEnds> {
    this.#again = undefined;
    const reading = this.source.ends().finally(() => {
      if (this.#reading === reading) this.#reading = undefined;
    });
    this.#reading = reading;
    return reading;
  }

  #tell(): void {
    const wake = this.#wake;
    this.#renew();
    wake();
  }

  #renew(): void {
    this.#next = new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
