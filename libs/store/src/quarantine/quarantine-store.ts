import type pg from 'pg';
import { storeError } from '../store-error.js';

/** One record in quarantine. */
export interface StoredPoison {
  readonly id: string;
  readonly quarantinedAt: Date;
  readonly reason: string;
  readonly detail: string;
  readonly agent: string | undefined;
  readonly key: string;
  readonly partition: number;
  readonly offset: string;
  readonly sizeBytes: number;
}

/** With all that is needed to publish it again. */
export interface WholePoison extends StoredPoison {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface QuarantineSelection {
  readonly limit: number;
  /** Older than the record of this id. */
  readonly before?: string | undefined;
  readonly reason?: string | undefined;
  readonly agent?: string | undefined;
}

/** Looks at what was put aside, and lets go of what was dealt with. */
export class QuarantineStore {
  constructor(private readonly pool: pg.Pool) {}

  /** The newest first. */
  async list({ limit, before, reason, agent }: QuarantineSelection): Promise<StoredPoison[]> {
    const rows = await this.#query<PoisonRow>(
      `SELECT ${COLUMNS} FROM analytics.quarantine
       WHERE ($2::bigint IS NULL OR id < $2) AND ($3::text IS NULL OR reason = $3) AND ($4::text IS NULL OR agent = $4)
       ORDER BY id DESC LIMIT $1`,
      [limit, before ?? null, reason ?? null, agent ?? null],
    );
    return rows.map(poisonOf);
  }

  async get(id: string): Promise<WholePoison | undefined> {
    const rows = await this.#query<PoisonRow & { headers: Record<string, string>; body: Buffer }>(
      `SELECT ${COLUMNS}, headers, body FROM analytics.quarantine WHERE id = $1`,
      [id],
    );
    const row = rows[0];
    return row && { ...poisonOf(row), headers: row.headers, body: row.body };
  }

  async remove(id: string): Promise<void> {
    await this.#query('DELETE FROM analytics.quarantine WHERE id = $1', [id]);
  }

  async #query<Row extends pg.QueryResultRow>(sql: string, values: unknown[]): Promise<Row[]> {
    try {
      return (await this.pool.query<Row>(sql, values)).rows;
    } catch (error) {
      throw storeError(error);
    }
  }
}

const COLUMNS = 'id, quarantined_at, reason, detail, agent, key, partition, log_offset, octet_length(body) AS size';

interface PoisonRow {
  id: string;
  quarantined_at: Date;
  reason: string;
  detail: string;
  agent: string | null;
  key: string;
  partition: number;
  log_offset: string;
  size: number;
}

const poisonOf = (row: PoisonRow): StoredPoison => ({
  id: row.id,
  quarantinedAt: row.quarantined_at,
  reason: row.reason,
  detail: row.detail,
  agent: row.agent ?? undefined,
  key: row.key,
  partition: row.partition,
  offset: row.log_offset,
  sizeBytes: row.size,
});
