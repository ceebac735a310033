import type { BusRecord, Producer } from '@bpfleet/bus';
import { encodeRecordHeaders, signSection } from '@bpfleet/contract';
import { nodeCrypto } from '@bpfleet/service';
import type { Logger } from 'pino';
import { abortableDelay } from '../abortable-delay.js';
import type { SectionStore, StoredSection } from '../spool/section-store.js';
import type { SessionKey } from '../spool/session-keys.js';
import type { SenderMetrics } from './metrics.js';

export interface SenderOptions {
  readonly agent: string;
  readonly topic: string;
  readonly sendTimeoutMs: number;
  /** The key of an epoch; undefined: it is lost. */
  readonly keyOf: (epoch: number) => SessionKey | undefined;
}

/** Below Kafka's record batch limit with headers and framing (design: "Spool and sending"). */
const MAX_SEND_BYTES = 900 * 1024;
const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 5000;
/** Without news of the capture thread too: what is too old has to be given up. */
const IDLE_REFRESH_MS = 10_000;

/**
 * Sends what the stores hold, oldest first: one send at a time, the same bytes until they are acknowledged. A send whose
 * outcome is unknown is repeated; ingest drops the second by (agent, epoch, seq).
 */
export class Sender {
  #sending: Promise<void> = Promise.resolve();
  #wake: () => void = () => {};
  #hasNews = false;
  #isFlushing = false;
  #isOnline = false;
  readonly #stopping = new AbortController();

  constructor(
    private readonly options: SenderOptions,
    private readonly stores: readonly SectionStore[],
    private readonly producer: Producer,
    private readonly metrics: SenderMetrics,
    private readonly logger: Logger,
    private readonly onFatal: (error: unknown) => void,
  ) {}

  /** Whether the last send was acknowledged. */
  get isOnline(): boolean {
    return this.#isOnline;
  }

  async start(): Promise<void> {
    await this.producer.start();
    this.#sending = this.#run().catch(this.onFatal);
  }

  /** The stores have something new. */
  wake(): void {
    this.#hasNews = true;
    this.#wake();
  }

  /** Sends what is there for at most `flushMs`; the rest stays in the stores. */
  async stop(flushMs = 5000): Promise<void> {
    this.#isFlushing = true;
    this.wake();
    const giveUp = setTimeout(() => this.#stopping.abort(), flushMs);
    await this.#sending;
    clearTimeout(giveUp);
    this.#stopping.abort();
    await this.producer.stop();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#hasNews = false;
      for (const store of this.stores) await store.refresh();
      const store = this.#oldest();
      if (store) await this.#sendFrom(store, signal);
      else if (this.#isFlushing) return;
      else if (!this.#hasNews) await this.#news(signal);
    }
  }

  #oldest(): SectionStore | undefined {
    const waiting = this.stores.flatMap((store) => {
      const next = store.peek();
      return next ? [{ store, ...next }] : [];
    });
    return waiting.sort((a, b) => a.epoch - b.epoch || a.seq - b.seq)[0]?.store;
  }

  async #sendFrom(store: SectionStore, signal: AbortSignal): Promise<void> {
    const records = this.#recordsOf(await store.take(MAX_SEND_BYTES));
    let retryMs = RETRY_FIRST_MS;
    while (records.length > 0 && !(await this.#send(records, retryMs, signal))) {
      if (signal.aborted) return;
      // Meanwhile more may have come than the store may hold.
      for (const one of this.stores) await one.refresh();
      retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
    }
    await store.acknowledge();
    this.metrics.sectionsSent.inc(records.length);
  }

  async #send(records: readonly BusRecord[], retryMs: number, signal: AbortSignal): Promise<boolean> {
    const { topic, sendTimeoutMs } = this.options;
    try {
      await this.producer.send(topic, records, sendTimeoutMs);
      this.#isOnline = true;
      return true;
    } catch (err) {
      this.#isOnline = false;
      if (signal.aborted) return false;
      this.metrics.sendFailures.inc();
      this.logger.warn({ err, retryMs }, 'sections not acknowledged, sending again');
      await abortableDelay(retryMs, signal);
      return false;
    }
  }

  #recordsOf(sections: readonly StoredSection[]): BusRecord[] {
    return sections.flatMap(({ header, bytes }) => {
      const { agent } = this.options;
      const session = this.options.keyOf(header.epoch);
      if (session === undefined) {
        this.metrics.sectionsUnsigned.inc();
        this.logger.error(
          { epoch: header.epoch, seq: header.seq },
          'a section is given up: the key of its epoch is lost',
        );
        return [];
      }
      const signature = signSection(header, bytes, session.delegation, session.key, nodeCrypto);
      return [{ key: agent, value: bytes, headers: { ...encodeRecordHeaders(header), ...signature } }];
    });
  }

  async #news(signal: AbortSignal): Promise<void> {
    const waited = new AbortController();
    const end = (): void => waited.abort();
    this.#wake = end;
    signal.addEventListener('abort', end, { once: true });
    if (!this.#hasNews && !signal.aborted) await abortableDelay(IDLE_REFRESH_MS, waited.signal);
    this.#wake = () => {};
    signal.removeEventListener('abort', end);
  }
}
