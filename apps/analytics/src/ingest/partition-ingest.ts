import type { LogBounds, LogPartition, ReceivedRecord } from '@bpfleet/bus';
import type { Logger } from '@bpfleet/service';
import {
  type FlowFlush,
  type HeldPosition,
  type IngestBatch,
  type IngestResult,
  LoopShare,
  type LossRow,
  type SectionWithoutFlows,
} from '@bpfleet/store';
import { PartitionFlows } from '../flows/partition-flows.js';
import { printable } from '../printable.js';
import { type PreparedBatch, prepareBatch } from './batch.js';
import { commitSliceEnd } from './commit-slice.js';
import { commitLimits, UNREADABLE_TRIES } from './config.js';
import { DropCounters } from './drop-counters.js';
import { decideGap, type OffsetGap } from './gap.js';
import type { IngestMetrics } from './metrics.js';
import type { SignatureJudge } from './signature-judge.js';
import { headerOf, type Judge } from './verify-record.js';

/** What ingest needs of the store; `IngestStore` implements it. */
export interface PositionStore {
  takePosition(logId: string, partition: number, owner: string): Promise<HeldPosition>;
  sectionsWithoutFlows(position: HeldPosition): AsyncIterable<SectionWithoutFlows>;
  commit(batch: IngestBatch): Promise<IngestResult>;
}

/** What partitions have in common. */
export interface IngestParts {
  readonly store: PositionStore;
  readonly metrics: IngestMetrics;
  readonly logger: Logger;
  /** Unix time; tells which hosts' clocks are far off. */
  readonly nowMs: () => number;
  readonly signatures: Pick<SignatureJudge, 'prepare' | 'judge'>;
}

const MAX_REASON_LENGTH = 500;
const NOTHING: PreparedBatch = { sections: [], quarantined: [], described: new Map() };

/**
 * One partition while this consumer holds it: its position in Postgres moves in the same transaction as the rows, so
 * that each record is stored once whatever happens in between. Another owner's fence ends it with `FENCED`, and any
 * other failure ends it, too: the partition is to be taken anew.
 */
export class PartitionIngest {
  #position: HeldPosition;
  /** Offset behind the last one that was dealt with; ahead of the stored position over an empty gap. */
  #next: bigint;
  /** When the record before the position was produced, until it was seen again. */
  #lastRecordMs: number | undefined;
  #readAgain: OffsetGap | undefined;
  /** Where it was when it was last seen to lie outside the log. */
  #outsideAt: bigint | undefined;
  /** How often what is at `#next` could not be decoded. */
  #unreadable = 0;
  readonly #drops = new DropCounters();
  /** Of the stored sections below the position that have none yet. */
  readonly #flows = new PartitionFlows();
  #working: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly partition: LogPartition,
    position: HeldPosition,
    private readonly parts: IngestParts,
  ) {
    this.#position = position;
    this.#next = position.next;
    this.#lastRecordMs = position.lastRecordMs;
  }

  /** Takes the partition over: from here on no former owner can commit. Brings the position within the log's bounds. */
  static async take(partition: LogPartition, owner: string, parts: IngestParts): Promise<PartitionIngest> {
    const position = await parts.store.takePosition(partition.logId, partition.partition, owner);
    const ingest = new PartitionIngest(partition, position, parts);
    await ingest.#makeFlows();
    await ingest.#align();
    return ingest;
  }

  /** Offset of the first record that is not stored. */
  get next(): bigint {
    return this.#next;
  }

  /** The offset to read from: what was stored last comes once more, and tells whether this is still the log that it was in. */
  get readFrom(): bigint {
    return this.#lastRecordMs === undefined ? this.#next : this.#next - 1n;
  }

  /**
   * Stores records, in several transactions when they are many.
   * @returns the next offset to read: behind the last record, or an earlier one to read again
   */
  read(records: readonly ReceivedRecord[], signal: AbortSignal): Promise<bigint> {
    return this.#alone(() => this.#read(records, signal));
  }

  /** Stores the flows that are old enough, also when no record comes. @param all the young ones, too */
  storeFlows(all = false): Promise<void> {
    return this.#alone(async () => {
      const isDue = all ? !this.#flows.isEmpty : this.#flows.isDue(this.parts.nowMs());
      if (isDue) await this.#storeFlows(this.#position.next);
    });
  }

  /**
   * Comes back into a log that gave up all behind the position, or is another one, and has no record to tell so. Only
   * when it is there for the second time: what was fetched before may be about to be read.
   */
  async keepWithin({ first, end }: LogBounds): Promise<void> {
    const at = this.#next;
    const isOutside = first > at || end < at;
    const isStuck = isOutside && this.#outsideAt === at;
    this.#outsideAt = isOutside ? at : undefined;
    if (isStuck) await this.#alone(async () => (this.#next === at ? this.#align() : undefined));
  }

  /** @param next behind the last section that has them */
  async #storeFlows(next: bigint): Promise<void> {
    await this.#store(this.#position.next, NOTHING, [], await this.#flows.take(next));
  }

  /**
   * One after the other: each begins at the position at which the one before has ended. After a failure there is none, and
   * flows that were taken for a commit are in no memory any more: whatever waits fails with the same error.
   */
  #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const working = this.#working.then(work);
    this.#working = working;
    return working;
  }

  /** Of what a former owner stored and had not done so. */
  async #makeFlows(): Promise<void> {
    for await (const { offset, agent, body } of this.parts.store.sectionsWithoutFlows(this.#position)) {
      this.#flows.add(agent, body, this.parts.nowMs());
      if (this.#flows.isDue(this.parts.nowMs())) await this.#storeFlows(offset + 1n);
    }
  }

  async #read(records: readonly ReceivedRecord[], signal: AbortSignal): Promise<bigint> {
    if (this.#isAnotherLog(records[0])) {
      await this.#beginAnew('another record is where the last one was');
      return this.#next;
    }
    // A redelivery begins with what is stored already.
    let at = records.findIndex(({ offset }) => offset >= this.#next);
    if (at < 0) {
      if (records.length > 0) await this.#align();
      return this.#next;
    }
    while (at < records.length && !signal.aborted) {
      const { offset, unreadable } = records[at]!;
      const first = unreadable?.first ?? offset;
      if (first > this.#next && !(await this.#closeGap({ from: this.#next, to: first }))) break;
      if (unreadable !== undefined) {
        if (!(await this.#passBy({ from: this.#next, to: offset + 1n }, unreadable.reason))) break;
        at++;
        continue;
      }
      const end = commitSliceEnd(records, at, commitLimits);
      const slice = records.slice(at, end);
      await this.parts.signatures.prepare(
        slice.map(headerOf).filter((header) => header !== undefined),
        signal,
      );
      // What is judged without the keys it needs would be refused for nothing.
      if (signal.aborted) break;
      await this.#commitRecords(slice);
      at = end;
    }
    return this.#next;
  }

  /** Whether reading may go on behind the gap. */
  async #closeGap(gap: OffsetGap): Promise<boolean> {
    const { first } = await this.partition.bounds();
    const decision = decideGap(gap, first, this.#readAgain);
    if (decision === 'read-again') {
      this.#readAgain = gap;
      this.parts.metrics.offsetGaps.inc({ decision });
      this.#log('warn', { from: String(gap.from), to: String(gap.to) }, 'offsets missing, reading them again');
      return false;
    }
    if (decision === 'legal') {
      this.parts.metrics.offsetGaps.inc({ decision });
      this.#next = gap.to;
      return true;
    }
    await this.#lose(decision.lost, 'retention', 'the log gave them up before they were read', decision.lost.to);
    return this.#next === gap.to || this.#closeGap({ from: this.#next, to: gap.to });
  }

  /** Whether reading may go on behind records that could not be decoded. */
  async #passBy(range: OffsetGap, reason: string): Promise<boolean> {
    this.parts.metrics.unreadable.inc();
    if (++this.#unreadable < UNREADABLE_TRIES) {
      this.#log(
        'warn',
        { from: String(range.from), to: String(range.to), reason },
        'records unreadable, reading again',
      );
      return false;
    }
    await this.#lose(range, 'unreadable', printable(reason, MAX_REASON_LENGTH), range.to);
    return true;
  }

  #isAnotherLog(first: ReceivedRecord | undefined): boolean {
    if (first === undefined || this.#lastRecordMs === undefined) return false;
    const isOther = first.offset === this.#next - 1n && !first.unreadable && first.timestampMs !== this.#lastRecordMs;
    this.#lastRecordMs = undefined;
    return isOther;
  }

  /** Nothing tells how far the old log went on behind the position: the row marks the place, its range is empty. */
  async #beginAnew(why: string): Promise<void> {
    const { first } = await this.partition.bounds();
    const at = { from: this.#next, to: this.#next };
    this.parts.metrics.logsReplaced.inc();
    await this.#lose(at, 'log-replaced', `${why}; reading the log from its first offset ${first}`, first);
  }

  /** The log may have been trimmed past the position, or replaced by another one that is shorter. */
  async #align(): Promise<void> {
    const { first, end } = await this.partition.bounds();
    if (first >= this.#next) this.#lastRecordMs = undefined;
    if (end < this.#next) {
      await this.#beginAnew(`the log ends at ${end}`);
    } else if (first > this.#next) {
      await this.#lose(
        { from: this.#next, to: first },
        'retention',
        'the log gave them up before they were read',
        first,
      );
    }
  }

  async #lose(range: OffsetGap, reason: string, detail: string, next: bigint): Promise<void> {
    const loss: LossRow = { firstOffset: range.from, endOffset: range.to, reason, detail };
    await this.#commit(next, NOTHING, [loss]);
    this.parts.metrics.lostOffsets.inc(Number(range.to - range.from));
    this.#log('error', { from: String(range.from), to: String(range.to), reason }, 'records lost');
  }

  async #commitRecords(records: readonly ReceivedRecord[]): Promise<void> {
    const { metrics, nowMs, signatures } = this.parts;
    const judge: Judge = (header, value) => signatures.judge(header, value);
    const batch = await prepareBatch(records, nowMs(), this.#drops, judge);
    const { offset, timestampMs } = records.at(-1)!;
    const result = await this.#commit(offset + 1n, batch, [], timestampMs);
    metrics.records.inc(records.length);
    metrics.bytes.inc(records.reduce((sum, { value }) => sum + value.length, 0));
    metrics.sections.inc(result.stored);
    metrics.packets.inc(result.packets);
    metrics.duplicates.inc(result.duplicates);
    metrics.clockSuspect.inc(batch.sections.filter(({ clockSuspect }) => clockSuspect).length);
    if (result.conflicts > 0) metrics.quarantined.inc({ reason: 'identity-conflict' }, result.conflicts);
    metrics.overlaps.inc(result.overlaps);
    this.#warnOfConflicts(result, records);
    for (const { offset, reason, detail, key } of batch.quarantined) {
      metrics.quarantined.inc({ reason });
      this.#log('warn', { offset: String(offset), reason, detail, key }, 'record put into quarantine');
    }
  }

  #warnOfConflicts({ conflicts, overlaps }: IngestResult, records: readonly ReceivedRecord[]): void {
    if (conflicts + overlaps === 0) return;
    const agents = [...new Set(records.map(({ key }) => key))];
    this.#log('warn', { agents, conflicts, overlaps }, 'an agent seems to be several: a copied state folder?');
  }

  async #commit(
    next: bigint,
    batch: PreparedBatch,
    losses: readonly LossRow[],
    lastRecordMs?: number,
  ): Promise<IngestResult> {
    const result = await this.#store(next, batch, losses, await this.#takeFlows(next), lastRecordMs);
    this.#next = next;
    this.#lastRecordMs = undefined;
    this.#readAgain = undefined;
    this.#unreadable = 0;
    return result;
  }

  async #store(
    next: bigint,
    { sections, quarantined, described }: PreparedBatch,
    losses: readonly LossRow[],
    flows: FlowFlush | undefined,
    lastRecordMs?: number,
  ): Promise<IngestResult> {
    const { store, metrics, nowMs } = this.parts;
    const end = metrics.commitSeconds.startTimer();
    const position = this.#position;
    const result = await store.commit({ sections, quarantined, flows, losses, position, next, lastRecordMs });
    end();
    this.#position = { ...this.#position, next, flowsNext: flows?.next ?? this.#position.flowsNext };
    const share = new LoopShare();
    for (const section of result.fresh) {
      await share.next();
      this.#flows.add(section.agent, section.body, nowMs(), described.get(section));
    }
    return result;
  }

  /** A log that begins anew has other sections at these offsets: flows of the old ones go before. */
  async #takeFlows(next: bigint): Promise<FlowFlush | undefined> {
    const { next: storedNext, flowsNext } = this.#position;
    if (next < storedNext) return this.#flows.take(next);
    const isDue = this.#flows.isDue(this.parts.nowMs());
    // Nothing to store and far behind: sections without packets, or records that were none.
    return isDue || (this.#flows.isEmpty && flowsNext < storedNext) ? this.#flows.take(storedNext) : undefined;
  }

  #log(level: 'warn' | 'error', facts: object, text: string): void {
    const { topic, partition } = this.partition;
    this.parts.logger[level]({ topic, partition, ...facts }, text);
  }
}
