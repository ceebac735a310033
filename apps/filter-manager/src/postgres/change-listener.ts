import type { Logger } from '@bpfleet/service';
import type pg from 'pg';
import type { ChangeFeed } from '../long-poll/change-feed.js';
import type { FilterManagerMetrics } from '../metrics.js';
import { agentsIn, CHANNEL } from './change-channel.js';

export interface ListenerTimes {
  readonly retryMs: number;
  /** A connection may break without a word (a host that vanished): ask this often whether it lives. */
  readonly checkIntervalMs: number;
}

/**
 * Hears of changes that other replicas make: one connection that listens, made again whenever it is lost. Waiting
 * agents are all woken then, for what was said meanwhile nobody has heard.
 */
export class ChangeListener {
  readonly #stopping = new AbortController();
  #listening: Promise<void> = Promise.resolve();

  constructor(
    private readonly pool: pg.Pool,
    private readonly feed: ChangeFeed,
    private readonly metrics: FilterManagerMetrics,
    private readonly logger: Logger,
    private readonly times: ListenerTimes = { retryMs: 500, checkIntervalMs: 15_000 },
  ) {}

  /** Does not wait for the database: without it, the service says 503 and comes back by itself. */
  start(): void {
    this.#listening = this.#listen();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#listening;
  }

  async #listen(): Promise<void> {
    const { signal } = this.#stopping;
    let wasLost = false;
    while (!signal.aborted) {
      try {
        await this.#listenOnce(wasLost);
      } catch (err) {
        // Once per loss, not once per try.
        if (!wasLost) this.logger.warn({ err }, 'changes of other replicas are not heard of, connecting again');
        this.metrics.listenFailures.inc();
        wasLost = true;
        await pause(this.times.retryMs, signal);
      }
    }
  }

  /** Resolves when stopping, rejects when the connection is lost. */
  async #listenOnce(wasLost: boolean): Promise<void> {
    const client = await this.pool.connect();
    const onNotification = ({ payload }: pg.Notification) => this.feed.changed(agentsIn(payload ?? ''));
    const lost = new Promise<never>((_, reject) => {
      client.once('error', reject);
      client.once('end', () => reject(new Error('the connection ended')));
    });
    lost.catch(() => undefined);
    client.on('notification', onNotification);
    try {
      await client.query(`LISTEN ${CHANNEL}`);
      if (wasLost) this.logger.info('changes of other replicas are heard of again');
      this.feed.everythingChanged();
      while (!this.#stopping.signal.aborted) {
        await Promise.race([pause(this.times.checkIntervalMs, this.#stopping.signal), lost]);
        await client.query('SELECT 1');
      }
    } finally {
      client.off('notification', onNotification);
      // Closed, not given back: it still listens.
      client.release(true);
    }
  }
}

/** Resolves after a time, or at once when stopping. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end);
  });
}
