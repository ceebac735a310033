import type { Logger } from '@bpfleet/service';

/** Runs a task at start and then in equal steps, never twice at once. A failure is logged; the next round repeats it. */
export class PartitionKeeper {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #isRunning = false;

  /** @param ensure makes the store's partitions for the next hours */
  constructor(
    private readonly ensure: () => Promise<void>,
    private readonly everyMs: number,
    private readonly logger: Logger,
  ) {}

  /** Resolves when the partitions are there: without them nothing can be stored. */
  async start(): Promise<void> {
    await this.ensure();
    this.#timer = setInterval(() => this.#round(), this.everyMs).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  #round(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#running = this.ensure()
      .catch((err: unknown) => this.logger.error({ err }, 'partitions not made, trying again'))
      .finally(() => {
        this.#isRunning = false;
      });
  }
}
