import { createLogger, Registry } from '@bpfleet/service';
import { FlowRollUp, FlowStore, IngestStore, LedgerStore } from '@bpfleet/store';
import fc from 'fast-check';
import type pg from 'pg';
import { FlowsService } from '../flows/flows.service.js';
import { ingestMetrics } from '../ingest/metrics.js';
import { PartitionIngest } from '../ingest/partition-ingest.js';
import { NOW_MS, recordOf, type TestSection } from './sections.js';

/** What a partition's owner does next, or who owns it. */
export type Event =
  | { readonly kind: 'read'; readonly records: number }
  | { readonly kind: 'store' | 'abandon' | 'again' | 'rollUp' };
export const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('read'), records: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom({ kind: 'store' }, { kind: 'abandon' }, { kind: 'again' }, { kind: 'rollUp' }),
  },
);

const { signal } = new AbortController();

/** A partition whose sections are stored and whose flows are made, by one owner after the other, and the questions about them. */
export class FlowsRig {
  readonly flows: FlowsService;
  nowMs = NOW_MS;

  constructor(readonly pool: pg.Pool) {
    this.flows = new FlowsService(new FlowStore(pool), new LedgerStore(pool));
  }

  async empty(): Promise<void> {
    await this.pool.query(`TRUNCATE analytics.section, analytics.flow, analytics.flow_minute,
      analytics.flow_ten_minutes, analytics.flow_hour, analytics.flow_hours, analytics.progress, analytics.ledger, analytics.agent_loss, analytics.position`);
  }

  take(logId = 'log'): Promise<PartitionIngest> {
    return PartitionIngest.take(
      { logId, topic: 'packets.v1', partition: 0, bounds: async () => ({ first: 0n, end: 1_000_000n }) },
      'me',
      {
        store: new IngestStore(this.pool),
        metrics: ingestMetrics(new Registry()),
        logger: createLogger({ name: 'test', level: 'silent' }),
        nowMs: () => this.nowMs,
        signatures: { prepare: async () => {}, judge: () => ({ sessionKey: undefined }) },
      },
    );
  }

  /** As when all sums have been there for some minutes. */
  async rollUp(): Promise<void> {
    await this.pool.query(
      "UPDATE analytics.flow_minute SET ingested_at = ingested_at - interval '3 minutes' WHERE NOT is_merged",
    );
    await new FlowRollUp(this.pool).round();
  }

  /** Stores them as the events say; at last all of them, with or without all flows. */
  async ingest(sections: readonly TestSection[], events: readonly Event[], isFinished: boolean): Promise<void> {
    const records = sections.map((section, offset) => recordOf(section, BigInt(offset)));
    // Some are sent again, under later offsets.
    const log = [
      ...records,
      ...records.slice(0, 3).map((record, n) => ({ ...record, offset: BigInt(records.length + n) })),
    ];
    let owner = await this.take();
    for (const event of [...events, { kind: 'read', records: log.length } as const]) {
      const next = Number(owner.next);
      if (event.kind === 'read') await owner.read(log.slice(next, next + event.records), signal);
      else if (event.kind === 'again') await owner.read(log.slice(0, next), signal);
      else if (event.kind === 'abandon') owner = await this.take();
      else if (event.kind === 'rollUp') await this.rollUp();
      else {
        this.nowMs += 5_000;
        await owner.storeFlows();
      }
    }
    if (isFinished) await owner.storeFlows(true);
  }
}
