import type { BusRecord, Producer } from '@bpfleet/bus';
import { encodeRecordHeaders, type SectionHeader } from '@bpfleet/contract';
import type { Logger } from 'pino';
import { abortableDelay } from '../abortable-delay.js';
import type { ClosedSection } from '../capture/packet-source.js';
import type { UplinkMetrics } from './metrics.js';

export interface PublisherOptions {
  readonly agent: string;
  readonly epoch: number;
  readonly topic: string;
  /** Sections that wait for the bus; over it the newest are dropped and counted. */
  readonly maxPendingBytes: number;
  readonly sendTimeoutMs: number;
}

/** Below Kafka's record batch limit with headers and framing (design: "Spool and sending"). */
const MAX_SEND_BYTES = 900 * 1024;
const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 5000;

/**
 * Publishes sections in order, one send at a time, the same bytes until they are acknowledged. A send whose outcome is
 * unknown is repeated; ingest drops the second by (agent, epoch, seq).
 */
export class Publisher {
  readonly #pending: ClosedSection[] = [];
  #pendingBytes = 0;
  #inFlight = 0;
  #sending: Promise<void> = Promise.resolve();
  #wake: () => void = () => {};
  readonly #stopping = new AbortController();
  readonly counts = { sent: 0, dropped: 0, packetsDropped: 0 };

  constructor(
    private readonly options: PublisherOptions,
    private readonly producer: Producer,
    private readonly metrics: UplinkMetrics,
    private readonly logger: Logger,
    private readonly onFatal: (error: unknown) => void,
  ) {}

  get pendingSections(): number {
    return this.#pending.length;
  }

  async start(): Promise<void> {
    await this.producer.start();
    this.#sending = this.#send().catch(this.onFatal);
  }

  /** Takes a closed section; drops it, counted, when too much waits already. */
  publish(section: ClosedSection): void {
    if (this.#pendingBytes + section.bytes.length > this.options.maxPendingBytes) {
      this.counts.dropped++;
      this.counts.packetsDropped += section.packets;
      this.metrics.sectionsDropped.inc();
      this.metrics.packetsDropped.inc(section.packets);
      return;
    }
    this.#pending.push(section);
    this.#pendingBytes += section.bytes.length;
    this.#wake();
  }

  /** Sends what is pending for at most `flushMs`, then closes the connection. */
  async stop(flushMs = 5000): Promise<void> {
    const giveUp = setTimeout(() => this.#stopping.abort(), flushMs);
    while (this.#pending.length > 0 && !this.#stopping.signal.aborted) await this.#idle();
    clearTimeout(giveUp);
    this.#stopping.abort();
    this.#wake();
    await this.producer.stop();
    await this.#sending;
  }

  /** Resolves after the next acknowledged send, or when stopping. */
  #idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#onProgress.add(resolve);
      this.#stopping.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
  readonly #onProgress = new Set<() => void>();

  async #send(): Promise<void> {
    const { signal } = this.#stopping;
    let retryMs = RETRY_FIRST_MS;
    while (!signal.aborted) {
      if (this.#pending.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const batch = this.#nextBatch();
      try {
        await this.producer.send(this.options.topic, batch, this.options.sendTimeoutMs);
        retryMs = RETRY_FIRST_MS;
        this.#acknowledge();
      } catch (err) {
        if (signal.aborted) return;
        this.metrics.sendFailures.inc();
        this.logger.warn({ err, pending: this.#pending.length, retryMs }, 'sections not acknowledged, sending again');
        await abortableDelay(retryMs, signal);
        retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
      }
    }
  }

  #nextBatch(): BusRecord[] {
    const { agent, epoch } = this.options;
    const records: BusRecord[] = [];
    let bytes = 0;
    for (const section of this.#pending) {
      bytes += section.bytes.length;
      if (records.length > 0 && bytes > MAX_SEND_BYTES) break;
      const header: SectionHeader = { ...section, agent, epoch };
      records.push({ key: agent, value: section.bytes, headers: encodeRecordHeaders(header) });
    }
    this.#inFlight = records.length;
    return records;
  }

  #acknowledge(): void {
    for (const section of this.#pending.splice(0, this.#inFlight)) {
      this.#pendingBytes -= section.bytes.length;
      this.counts.sent++;
      this.metrics.sectionsSent.inc();
    }
    for (const resolve of this.#onProgress) resolve();
    this.#onProgress.clear();
  }
}
