import { setTimeout } from 'node:timers/promises';
import type { Bus, Consumer, LogPartition, PartitionHandler, ReceivedRecord } from '@bpfleet/bus';
import { BpfleetError, hasCode } from '@bpfleet/errors';
import { BEGIN_AGAIN_AFTER_MS, type IngestConfig, MEASURE_LAG_EVERY_MS, STORE_FLOWS_EVERY_MS } from './config.js';
import { type IngestParts, PartitionIngest } from './partition-ingest.js';

/**
 * Moves sections from the bus into the store, each exactly once. Nothing here ends the process: what fails is counted,
 * and the bus assigns the partition anew until it works.
 */
export class Ingest implements PartitionHandler {
  readonly #held = new Map<number, PartitionIngest>();
  /** Whose position is unknown since a commit failed, and no read has noticed. */
  readonly #uncertain = new Map<number, LogPartition>();
  /** Of those, while they are taken. Where two take one at a time, the one that is kept may be the one that is fenced off. */
  readonly #takingAgain = new Map<number, Promise<void>>();
  readonly #stopping = new AbortController();
  #consumer: Consumer | undefined;
  #beginning: Promise<void> = Promise.resolve();
  #lagTimer: NodeJS.Timeout | undefined;
  #flowTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly config: IngestConfig,
    private readonly bus: Bus,
    private readonly parts: IngestParts,
    /** Tells whoever asks how far behind this is. */
    private readonly noteEnd: (partition: LogPartition, end: bigint) => Promise<void> = async () => {},
  ) {}

  /** Begins to consume; when the bus is away, as soon as it is there. */
  async start(): Promise<void> {
    this.#lagTimer = setInterval(() => void this.#measureLag(), MEASURE_LAG_EVERY_MS).unref();
    this.#flowTimer = setInterval(() => void this.#storeFlows(), STORE_FLOWS_EVERY_MS).unref();
    if (!(await this.#begin())) this.#beginning = this.#keepBeginning();
  }

  /** Waits for the transaction under way; what was not committed is read again by whoever comes next. */
  async stop(): Promise<void> {
    clearInterval(this.#lagTimer);
    clearInterval(this.#flowTimer);
    this.#stopping.abort();
    await this.#beginning;
    await this.#consumer?.stop();
    this.#consumer = undefined;
  }

  async #begin(): Promise<boolean> {
    const { topic, group, partitions } = this.config;
    try {
      await this.bus.ensureTopic(topic, partitions);
      this.#consumer = this.bus.consumer({ topic, group, handler: this, onError: (error) => this.#failed(error) });
      await this.#consumer.start();
      return true;
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  async #keepBeginning(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      // Ended early by `stop`, which is no failure.
      await setTimeout(BEGIN_AGAIN_AFTER_MS, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted && (await this.#begin())) return;
    }
  }

  async assigned(partition: LogPartition): Promise<bigint> {
    this.#letGo(partition.partition);
    await this.#takingAgain.get(partition.partition);
    const held = await PartitionIngest.take(partition, this.config.owner, this.parts);
    this.#held.set(partition.partition, held);
    const next = String(held.next);
    this.parts.logger.info({ topic: partition.topic, partition: partition.partition, next }, 'partition assigned');
    return held.readFrom;
  }

  async read(partition: LogPartition, records: readonly ReceivedRecord[], signal: AbortSignal): Promise<bigint> {
    const held = this.#held.get(partition.partition);
    if (!held) throw this.#notHeld(partition);
    try {
      return await held.read(records, signal);
    } catch (error) {
      // Whether the commit arrived is unknown now: the position is read again from Postgres, with a new fence.
      this.#held.delete(partition.partition);
      throw error;
    }
  }

  /** After a commit that no read has made. */
  #notHeld({ topic, partition }: LogPartition): BpfleetError {
    const place = `${topic}[${partition}]`;
    return this.#uncertain.has(partition)
      ? new BpfleetError('POSITION_UNKNOWN', `whether the last commit of ${place} arrived is not known`)
      : new BpfleetError('FENCED', `${place} is another owner's`);
  }

  async revoked(partition: LogPartition): Promise<void> {
    const held = this.#held.get(partition.partition);
    this.#letGo(partition.partition);
    // A courtesy: the next owner makes what is not stored. Whoever was fenced off has it no more to store.
    await held
      ?.storeFlows(true)
      .catch((err: unknown) => this.parts.logger.debug({ err }, 'flows left to the next owner'));
    this.parts.metrics.lag.remove({ partition: partition.partition });
    this.parts.logger.info({ topic: partition.topic, partition: partition.partition }, 'partition revoked');
  }

  #failed(error: unknown): void {
    const { metrics, logger } = this.parts;
    const code = error instanceof BpfleetError ? error.code : 'INTERNAL';
    metrics.failures.inc({ code });
    if (hasCode(error, 'FENCED')) metrics.fenced.inc();
    logger.warn({ err: error, code }, 'ingest failed, trying again');
  }

  #letGo(index: number): void {
    this.#held.delete(index);
    this.#uncertain.delete(index);
  }

  /** Of partitions that no record comes from; the others do so with their records. */
  async #storeFlows(): Promise<void> {
    for (const [index, partition] of this.#uncertain) {
      if (this.#takingAgain.has(index)) continue;
      const taking = this.#takeAgain(index, partition).finally(() => this.#takingAgain.delete(index));
      this.#takingAgain.set(index, taking);
      await taking;
    }
    for (const [index, held] of this.#held) await this.#withoutRecords(index, held, () => held.storeFlows());
  }

  /** Commits what no record has brought. As in `read`, whether a failed one arrived must be asked of Postgres. */
  async #withoutRecords(index: number, held: PartitionIngest, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#failed(error);
      if (this.#held.get(index) !== held) return;
      this.#held.delete(index);
      if (!hasCode(error, 'FENCED')) this.#uncertain.set(index, held.partition);
    }
  }

  async #takeAgain(index: number, partition: LogPartition): Promise<void> {
    try {
      const held = await PartitionIngest.take(partition, this.config.owner, this.parts);
      if (this.#uncertain.delete(index)) this.#held.set(index, held);
    } catch (error) {
      this.#failed(error);
    }
  }

  async #measureLag(): Promise<void> {
    for (const [index, held] of this.#held) {
      try {
        const bounds = await held.partition.bounds();
        // Revoked while the log was asked: the series is gone and must stay so.
        if (this.#held.get(index) !== held) continue;
        // Not waited for: a reader that is held up must not hold up the figures of the others.
        void this.#withoutRecords(index, held, () => held.keepWithin(bounds));
        this.parts.metrics.lag.set({ partition: index }, Number(bounds.end - held.next));
        await this.noteEnd(held.partition, bounds.end);
      } catch (error) {
        // The bus or the store is away: reading reports that. The last figure stays.
        this.parts.logger.debug({ err: error, partition: index }, 'lag not measured');
      }
    }
  }
}
