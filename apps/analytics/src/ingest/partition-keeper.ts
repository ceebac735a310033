import type { Logger } from '@bpfleet/service';

/** Runs a task at start and then in equal steps, never twice at once. A failure is logged; the next round repeats it. */
export class PartitionKeeper {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #isRunning = false;

  /**
   * @param ensure makes the store's partitions for the next hours
   * @param giveUp lets those go that have outlived their limits; nothing waits for it
   */
  constructor(
    private readonly ensure: () => Promise<void>,
    private readonly giveUp: () => Promise<void>,
    private readonly everyMs: number,
    private readonly logger: Logger,
  ) {}

  /** Resolves when the partitions are there: without them nothing can be stored. */
  async start(): Promise<void> {
    await this.ensure();
    this.#round(() => this.giveUp());
    const both = () => this.ensure().then(() => this.giveUp());
    this.#timer = setInterval(() => this.#round(both), this.everyMs).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  #round(task: () => Promise<void>): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#running = task()
      .catch((err: unknown) => this.logger.error({ err }, 'partitions not kept, trying again'))
      .finally(() => {
        this.#isRunning = false;
      });
  }
}
