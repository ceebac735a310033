import type pg from 'pg';
import { storeError } from '../store-error.js';

/** Sections of an agent that seems to be several. */
export interface IdentityConflict {
  readonly agent: string;
  readonly epoch: number;
  /** `other-bytes`, `other-key`: in quarantine; `overlap`: stored. */
  readonly kind: string;
  readonly sections: number;
  readonly firstNoticedAt: Date;
  readonly lastNoticedAt: Date;
}

export class ConflictStore {
  constructor(private readonly pool: pg.Pool) {}

  /** The latest first. */
  async list(limit: number): Promise<IdentityConflict[]> {
    try {
      const { rows } = await this.pool.query<{
        agent: string;
        epoch: string;
        kind: string;
        sections: string;
        first_noticed_at: Date;
        last_noticed_at: Date;
      }>(
        `SELECT agent, epoch, kind, sections, first_noticed_at, last_noticed_at FROM analytics.identity_conflict
         ORDER BY last_noticed_at DESC, agent, epoch, kind LIMIT $1`,
        [limit],
      );
      return rows.map(({ epoch, sections, first_noticed_at, last_noticed_at, ...row }) => ({
        ...row,
        epoch: Number(epoch),
        sections: Number(sections),
        firstNoticedAt: first_noticed_at,
        lastNoticedAt: last_noticed_at,
      }));
    } catch (error) {
      throw storeError(error);
    }
  }
}
