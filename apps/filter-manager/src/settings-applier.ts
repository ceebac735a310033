import { setTimeout as delay } from 'node:timers/promises';
import { hasCode } from '@bpfleet/errors';
import type { Logger } from '@bpfleet/service';

/**
 * Prepares the database for its work: reads the keys, and stores the configured settings. The database may be away, or its migrations still running, when a
 * service starts: then it is tried again in the background, and the service is not ready until it is done.
 */
export class SettingsApplier {
  readonly #stopping = new AbortController();
  #applying: Promise<void> = Promise.resolve();
  #isApplied = false;

  constructor(
    private readonly apply: () => Promise<void>,
    private readonly logger: Logger,
    private readonly retryMs = 1000,
  ) {}

  async start(): Promise<void> {
    try {
      await this.#apply();
    } catch (error) {
      if (!isPassing(error)) throw error;
      this.logger.warn({ err: error }, 'the database is not ready, starting without it');
      this.#applying = this.#retry();
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#applying;
  }

  /** @throws when it is not done yet */
  async check(): Promise<void> {
    if (!this.#isApplied) throw new Error('the settings are not stored yet');
  }

  async #apply(): Promise<void> {
    await this.apply();
    this.#isApplied = true;
  }

  async #retry(): Promise<void> {
    const { signal } = this.#stopping;
    while (!this.#isApplied && !signal.aborted) {
      await delay(this.retryMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      await this.#apply().then(
        () => this.logger.info('the database is ready, settings stored'),
        (err) => this.logger.debug({ err }, 'the database is still not ready'),
      );
    }
  }
}

const isPassing = (error: unknown): boolean => hasCode(error, 'STORE_UNAVAILABLE');
