import type { StoredEnds } from '@bpfleet/store';
import { POLL_MS } from './config.js';
import type { TailSource } from './tail-source.js';

type News = Pick<TailSource, 'ends' | 'listen'>;

/**
 * How far the store is, told to all tails of this process: one connection listens, and one query per commit asks.
 * A notification only wakes; one that was missed is made good by looking each `POLL_MS`, as long as somebody follows.
 */
export class TailNews {
  #followers = 0;
  #listening: AbortController | undefined;
  #isListening = false;
  #reading: Promise<StoredEnds> | undefined;
  #again: Promise<StoredEnds> | undefined;
  #wake: () => void = () => {};
  #next: Promise<void> = Promise.resolve();
  #poll: NodeJS.Timeout | undefined;

  /** @param onListenFailure told each time that listening failed or broke; the next poll tries again */
  constructor(
    private readonly source: News,
    private readonly onListenFailure: (error: unknown) => void,
  ) {
    this.#renew();
  }

  /** @returns ends it; to be called once */
  follow(): () => void {
    if (this.#followers++ === 0) this.#begin();
    return () => {
      if (--this.#followers === 0) this.#end();
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

  #begin(): void {
    this.#listening = new AbortController();
    this.#poll = setInterval(() => {
      void this.#listen();
      this.#tell();
    }, POLL_MS);
    void this.#listen();
  }

  async #listen(): Promise<void> {
    const { signal } = this.#listening!;
    if (this.#isListening) return;
    this.#isListening = true;
    try {
      await this.source.listen(() => this.#tell(), signal);
      if (!signal.aborted) this.onListenFailure(new Error('the connection that listens was closed'));
    } catch (error) {
      if (!signal.aborted) this.onListenFailure(error);
    } finally {
      this.#isListening = false;
    }
  }

  #end(): void {
    clearInterval(this.#poll);
    this.#listening?.abort();
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
