import type { Logger } from '@bpfleet/service';

/** Merges flows' sums each minute; of several processes one does. A failure is logged, and the next round does its work. */
export class RollUpKeeper {
  #timer: NodeJS.Timeout | undefined;
  #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(
    private readonly rollUp: { round(signal: AbortSignal): Promise<void> },
    private readonly everyMs: number,
    private readonly logger: Logger,
  ) {}

  start(): void {
    this.#timer = setInterval(() => this.#round(), this.everyMs).unref();
  }

  /** Waits for the transaction under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    await this.#running;
  }

  #round(): void {
    this.#running ??= this.rollUp
      .round(this.#stopping.signal)
      .catch((err: unknown) => this.logger.warn({ err }, 'flows not rolled up, trying again'))
      .finally(() => {
        this.#running = undefined;
      });
  }
}
