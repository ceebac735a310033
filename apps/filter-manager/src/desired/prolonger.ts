import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@bpfleet/service';

/** Gives agents their time anew before it is over: the same states, which end later, as a new generation. */
export class Prolonger {
  #until: string | undefined;
  #prolonging: Promise<void> = Promise.resolve();
  readonly #stopping = new AbortController();

  constructor(
    private readonly until: () => string | undefined,
    /** Stores what is in force now. */
    private readonly prolong: () => Promise<void>,
    private readonly logger: Logger,
    private readonly lookIntervalMs: number,
  ) {}

  /** What is in force now was stored. */
  start(): void {
    this.#until = this.until();
    this.#prolonging = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#prolonging;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await delay(this.lookIntervalMs, undefined, { signal }).catch(() => undefined);
      const until = this.until();
      if (signal.aborted || until === this.#until) continue;
      try {
        await this.prolong();
        this.#until = until;
        this.logger.info({ until }, 'what agents run is prolonged');
      } catch (err) {
        // The database is away, which requests see as well. There is time: three quarters of it.
        this.logger.warn({ err }, 'what agents run is not prolonged, trying again');
      }
    }
  }
}
