import { crc32 } from 'node:zlib';
import type pg from 'pg';
import type { FlowRow } from '../flows/flow-row.js';
import { IngestStore } from '../ingest/ingest-store.js';
import { createPool } from '../pool.js';
import type { HeldPosition, IngestBatch, SectionRow } from '../rows.js';

export const NOW_NS = 1_795_000_000_000_000_000n;

export function section(seq: number, given: Partial<SectionRow> = {}): SectionRow {
  const body = given.body ?? Buffer.from(`section ${given.agent ?? 'a'} ${given.epoch ?? 1} ${seq}`);
  return {
    ...{ offset: BigInt(seq), agent: 'a', epoch: 1, seq, crc32: crc32(body), tsMinNs: NOW_NS, tsMaxNs: NOW_NS + 1n },
    ...{ packets: 10, filters: ['web@3'], droppedByKernel: 0, clockSuspect: false, body },
    ...given,
  };
}

export const flow: FlowRow = {
  ...{ agent: 'a', filters: 'web@3', weights: '10', isPlain: true },
  ...{ source: Uint8Array.of(10, 0, 0, 1), destination: Uint8Array.of(10, 0, 0, 2) },
  ...{ sourcePort: 40_000, destinationPort: 443, protocol: 6, firstNs: NOW_NS, lastNs: NOW_NS + 1n },
  ...{ packets: 10, bytes: 5_000_000_000, tcpFlags: 0x1ff },
};

export const batch = (
  position: HeldPosition,
  sections: readonly SectionRow[],
  given: Partial<IngestBatch> = {},
): IngestBatch => ({
  ...{
    position,
    sections,
    next: position.next + BigInt(sections.length),
    quarantined: [],
    losses: [],
  },
  ...given,
});

export const after = (position: HeldPosition, next: bigint): HeldPosition => ({ ...position, next });

/** A store over a database of its own, which `empty` makes as it was. */
export class IngestRig {
  readonly pool: pg.Pool;
  readonly store: IngestStore;

  /** @param database of its own */
  constructor(private readonly database: { readonly connection: string | pg.ClientConfig; drop(): Promise<void> }) {
    this.pool = createPool({ connection: database.connection, name: 'test', onError: () => {} });
    this.store = new IngestStore(this.pool);
  }

  async stop(): Promise<void> {
    await this.pool.end();
    await this.database.drop();
  }

  async empty(): Promise<void> {
    await this.pool.query(`TRUNCATE analytics.section, analytics.flow, analytics.quarantine, analytics.loss,
      analytics.progress, analytics.position, analytics.partition_range, analytics.log_identity,
      analytics.identity_conflict`);
  }

  take(owner = 'me', partition = 0): Promise<HeldPosition> {
    return this.store.takePosition('log', partition, owner);
  }

  async rows(sql: string): Promise<unknown[]> {
    return (await this.pool.query(sql)).rows;
  }

  async storedSeqs(): Promise<number[]> {
    const { rows } = await this.pool.query<{ seq: string }>('SELECT seq FROM analytics.section ORDER BY seq');
    return rows.map(({ seq }) => Number(seq));
  }
}
