import { Registry } from '@bpfleet/contract';
import type pg from 'pg';
import { storeError } from '../store-error.js';

/** The registry that analytics heard of last: with it, it works while the filter-manager is away. */
export class KeptRegistry {
  constructor(private readonly pool: pg.Pool) {}

  /** Undefined when none was kept, or when another release kept it in another form. */
  async read(): Promise<Registry | undefined> {
    try {
      const { rows } = await this.pool.query<{ document: unknown }>('SELECT document FROM analytics.registry');
      const parsed = Registry.safeParse(rows[0]?.document);
      return parsed.success ? parsed.data : undefined;
    } catch (error) {
      throw storeError(error);
    }
  }

  async keep(registry: Registry): Promise<void> {
    try {
      await this.pool.query(
        `INSERT INTO analytics.registry (revision, document) VALUES ($1, $2)
         ON CONFLICT (only_row) DO UPDATE
           SET revision = excluded.revision, document = excluded.document, heard_at = now()`,
        [registry.revision, JSON.stringify(registry)],
      );
    } catch (error) {
      throw storeError(error);
    }
  }
}
