import type { BusRecord, Producer } from '@bpfleet/bus';
import { hasCode } from '@bpfleet/errors';
import type { Logger } from 'pino';
import { abortableDelay } from '../abortable-delay.js';
import type { RecordHeader } from '../spool/record-header.js';
import type { SectionStore, StoredSection } from '../spool/section-store.js';
import type { SessionKey } from '../spool/session-key-file.js';
import { freeSentBuffers } from './free-sent-buffers.js';
import type { SenderMetrics } from './metrics.js';
import { News } from './news.js';
import { signedRecords } from './signed-records.js';

export interface SenderOptions {
  readonly topic: string;
  readonly sendTimeoutMs: number;
  /** The key of an epoch; undefined: it is lost. */
  readonly keyOf: (epoch: number) => SessionKey | undefined;
  /** CLOCK_BOOTTIME and the boot that it is of: by it, sections say when they were closed. */
  readonly clock?: { readonly boot: number; readonly nowMs: () => number };
  /** A section is given up, for the key of its epoch is lost. */
  readonly onUnsigned?: (header: RecordHeader) => void;
  /** Sections wait no more. */
  readonly onDone?: () => Promise<void>;
}

/** No call takes longer than 15 s, also where a timer comes late. */
export const SEND_TIMEOUT_MS = 14_000;
/** Below Kafka's record batch limit with headers and framing (design: "Spool and sending"). */
const MAX_SEND_BYTES = 900 * 1024;
const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 5000;
/** Without news of the capture thread too: what is too old has to be given up. */
const IDLE_REFRESH_MS = 10_000;
/** Few large sends cost less than many small ones: so long after one, the next waits for more, and nobody looks whether there is. */
const LINGER_MS = 100;
/** How often the stores are looked at while the bus does not answer. */
const SENDING_REFRESH_MS = 250;
/** A topic that is set up wrongly can be put right: so often a section is tried that the bus refuses, over a minute. */
const MAX_REFUSALS = 20;

type Outcome = 'acknowledged' | 'refused' | 'stopped';

/**
 * Sends what the stores hold, oldest first: one send at a time, the same bytes until they are acknowledged. A send whose
 * outcome is unknown is repeated; ingest drops the second by (agent, epoch, seq).
 */
export class Sender {
  /** What it may send, as it is before compression. What does not get through waits. */
  bytesPerSecond = Number.POSITIVE_INFINITY;
  #sending: Promise<void> = Promise.resolve();
  #isOnline = false;
  /** So many sections go alone: the bus refuses one of them, or the key of one is lost. */
  #alone = 0;
  #sentAtMs = Number.NEGATIVE_INFINITY;
  #sentBytes = 0;
  #longestSendMs = 0;
  readonly #news = new News();
  /** What is there is to be sent at once, for the last time. */
  readonly #hurry = new AbortController();
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
    this.#news.came();
  }

  /** Sends what is there for at most `flushMs`; the rest stays in the stores. */
  async stop(flushMs = 5000): Promise<void> {
    this.#hurry.abort();
    this.wake();
    const giveUp = setTimeout(() => {
      this.#stopping.abort();
      // Ends the send that is under way.
      this.producer.stop().catch(this.onFatal);
    }, flushMs);
    await this.#sending;
    clearTimeout(giveUp);
    this.#stopping.abort();
    await this.producer.stop();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        for (const store of this.stores) await store.refresh();
        const store = this.#oldest();
        const lingerMs = store ? this.#lingerMs(store) : 0;
        if (lingerMs > 0) await abortableDelay(Math.min(lingerMs, SENDING_REFRESH_MS), this.#hurry.signal);
        else if (store) await this.#sendFrom(store, signal);
        else if (this.#isFlushing) return;
        else await this.#news.wait(IDLE_REFRESH_MS, signal);
      } catch (error) {
        this.#storeFailed(error);
        await abortableDelay(RETRY_MAX_MS, signal);
      }
    }
  }

  get #isFlushing(): boolean {
    return this.#hurry.signal.aborted;
  }

  #oldest(): SectionStore | undefined {
    const waiting = this.stores.flatMap((store) => {
      const next = store.peek();
      return next ? [{ store, ...next }] : [];
    });
    return waiting.sort((a, b) => a.epoch - b.epoch || a.seq - b.seq)[0]?.store;
  }

  #lingerMs(store: SectionStore): number {
    if (this.#isFlushing) return 0;
    const forMoreMs = store.counts.waiting.bytes >= MAX_SEND_BYTES ? 0 : LINGER_MS;
    const forPaceMs = (1000 * this.#sentBytes) / this.bytesPerSecond;
    return this.#sentAtMs + Math.max(forMoreMs, forPaceMs) - performance.now();
  }

  async #sendFrom(store: SectionStore, signal: AbortSignal): Promise<void> {
    const sections = await store.take(this.#alone > 0 ? 1 : MAX_SEND_BYTES);
    this.#alone = Math.max(0, this.#alone - sections.length);
    if (sections.length === 0) return;
    this.#sentAtMs = performance.now();
    this.#sentBytes = sections.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const records = signedRecords(sections, this.options.keyOf);
    const outcome = records ? await this.#whileLooking(() => this.#deliver(records, signal), signal) : 'refused';
    if (outcome === 'stopped') return;
    if (outcome === 'acknowledged') {
      await store.acknowledge();
      this.#count(sections);
    } else if (sections.length > 1) this.#alone = sections.length;
    else await this.#giveUp(store, sections[0]!, records === undefined);
    freeSentBuffers();
    await this.options.onDone?.();
  }

  /** Sends until there is an answer that the same bytes would get again. */
  async #deliver(records: readonly BusRecord[], signal: AbortSignal): Promise<Outcome> {
    let refusals = 0;
    for (let retryMs = RETRY_FIRST_MS; ; retryMs = Math.min(retryMs * 2, RETRY_MAX_MS)) {
      const err = await this.#send(records);
      this.#isOnline = err === undefined;
      if (err === undefined) return 'acknowledged';
      if (signal.aborted) return 'stopped';
      this.metrics.sendFailures.inc();
      if (isRefusal(err) && (records.length > 1 || ++refusals === MAX_REFUSALS)) return 'refused';
      this.logger.warn({ err, retryMs }, 'sections not acknowledged, sending again');
      await abortableDelay(retryMs, signal);
    }
  }

  /** @returns what went wrong */
  async #send(records: readonly BusRecord[]): Promise<unknown> {
    const startedMs = performance.now();
    const tookMs = (): number => performance.now() - startedMs;
    try {
      await this.producer.send(this.options.topic, records, this.options.sendTimeoutMs);
      this.metrics.sendSeconds.observe(tookMs() / 1000);
      return undefined;
    } catch (error) {
      return error ?? new Error('no reason given');
    } finally {
      this.#longestSendMs = Math.max(this.#longestSendMs, tookMs());
      this.metrics.longestSendSeconds.set(this.#longestSendMs / 1000);
    }
  }

  /** The stores are looked at while the bus does not answer: more may come than they may hold. */
  async #whileLooking<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const answered = new AbortController();
    const end = (): void => answered.abort();
    signal.addEventListener('abort', end, { once: true });
    const looking = this.#lookUntil(answered.signal);
    try {
      return await work();
    } finally {
      end();
      signal.removeEventListener('abort', end);
      await looking;
    }
  }

  async #lookUntil(signal: AbortSignal): Promise<void> {
    for (;;) {
      await abortableDelay(SENDING_REFRESH_MS, signal);
      if (signal.aborted) return;
      try {
        for (const store of this.stores) await store.refresh();
      } catch (error) {
        this.#storeFailed(error);
      }
    }
  }

  async #giveUp(store: SectionStore, { header }: StoredSection, isUnsigned: boolean): Promise<void> {
    await store.giveUp();
    if (isUnsigned) this.options.onUnsigned?.(header);
    (isUnsigned ? this.metrics.sectionsUnsigned : this.metrics.sectionsRefused).inc();
    const why = isUnsigned ? 'the key of its epoch is lost' : 'the bus takes none like it';
    this.logger.error({ epoch: header.epoch, seq: header.seq, why }, 'a section is given up');
  }

  #count(sections: readonly StoredSection[]): void {
    const { clock } = this.options;
    const nowMs = clock?.nowMs() ?? 0;
    for (const { header, bytes } of sections) {
      this.metrics.sectionsSent.inc();
      this.metrics.packetsSent.inc(header.packets);
      this.metrics.bytesSent.inc(bytes.length);
      if (header.boot === clock?.boot) this.metrics.waitSeconds.observe((nowMs - header.closedAtMs) / 1000);
    }
  }

  /** The sections stay where they are. @throws what is no failure of a system call */
  #storeFailed(err: unknown): void {
    if (!(err instanceof Error) || !('errno' in err || 'code' in err)) throw err;
    this.metrics.storeFailures.inc();
    this.logger.error({ err }, 'the spool does not work now, trying again');
  }
}

const isRefusal = (error: unknown): boolean => hasCode(error, 'RECORD_INVALID');
