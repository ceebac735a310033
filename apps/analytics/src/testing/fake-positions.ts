import { BpfleetError } from '@bpfleet/errors';
import type { FlowRow, HeldPosition, IngestBatch, IngestResult, SectionWithoutFlows } from '@bpfleet/store';
import type { PositionStore } from '../ingest/partition-ingest.js';

/** Positions as Postgres keeps them, and what was committed with them. */
export class FakePositions implements PositionStore {
  next = 0n;
  flowsNext = 0n;
  fence = 0n;
  lastRecordMs: number | undefined;
  /** Stored sections, of which some have no flows yet. */
  readonly stored: SectionWithoutFlows[] = [];
  readonly commits: IngestBatch[] = [];

  async takePosition(logId: string, partition: number): Promise<HeldPosition> {
    return {
      logId,
      partition,
      next: this.next,
      flowsNext: this.flowsNext,
      fence: ++this.fence,
      lastRecordMs: this.lastRecordMs,
    };
  }
  async *sectionsWithoutFlows({ flowsNext, next }: HeldPosition) {
    yield* this.stored.filter(({ offset }) => offset >= flowsNext && offset < next);
  }
  async commit(batch: IngestBatch): Promise<IngestResult> {
    const { next, fence } = batch.position;
    if (next !== this.next || fence !== this.fence) throw new BpfleetError('FENCED', 'another owner');
    if (batch.next !== next) this.lastRecordMs = batch.lastRecordMs;
    this.next = batch.next;
    this.flowsNext = batch.flows?.next ?? this.flowsNext;
    this.commits.push(batch);
    // What came before is a duplicate.
    const fresh = batch.sections.filter(({ seq }) => !this.#seqs.has(seq));
    for (const section of fresh) {
      this.#seqs.add(section.seq);
      this.stored.push(section);
    }
    const packets = fresh.reduce((sum, section) => sum + section.packets, 0);
    return {
      fresh,
      stored: fresh.length,
      duplicates: batch.sections.length - fresh.length,
      conflicts: 0,
      overlaps: 0,
      packets,
    };
  }
  readonly #seqs = new Set<number>();
  /** Of all flows that were stored. */
  get flows(): readonly FlowRow[] {
    return this.commits.flatMap(({ flows }) => flows?.flows ?? []);
  }
  get offsets(): bigint[] {
    return this.commits.flatMap(({ sections }) => sections.map(({ offset }) => offset));
  }
  get losses() {
    return this.commits.flatMap(({ losses }) => losses);
  }
}
