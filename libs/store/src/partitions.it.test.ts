import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTemporaryStore, type TemporaryStore } from './embedded/temporary-store.js';
import { ensurePartitions } from './partitions.js';

let store: TemporaryStore;

beforeAll(async () => {
  store = await startTemporaryStore({ fsync: 'off' });
});
afterAll(() => store.stop());
beforeEach(async () => {
  for (const name of await partitions()) await store.pool.query(`DROP TABLE analytics.${name}`);
});

async function partitions(): Promise<string[]> {
  const { rows } = await store.pool.query<{ relname: string }>(
    "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' ORDER BY relname",
  );
  return rows.map(({ relname }) => relname);
}

async function nowIsIn(): Promise<string> {
  const { rows } = await store.pool.query<{ hour: string }>(
    "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDDHH24') AS hour",
  );
  return rows[0]!.hour;
}

describe('ensurePartitions', () => {
  it('makes those of the running hour and the next two', async () => {
    await ensurePartitions(store.pool);
    const made = await partitions();
    expect(made).toHaveLength(6);
    expect(made).toContain(`section_${await nowIsIn()}`);
    expect(made).toContain(`flow_${await nowIsIn()}`);
  });

  it('may run several times at once', async () => {
    await Promise.all(Array.from({ length: 6 }, () => ensurePartitions(store.pool)));
    await ensurePartitions(store.pool);
    expect(await partitions()).toHaveLength(6);
  });

  it('gives each partition the indexes and the storage of its table', async () => {
    await ensurePartitions(store.pool);
    const name = `analytics.section_${await nowIsIn()}`;
    const { rows: indexes } = await store.pool.query('SELECT FROM pg_index WHERE indrelid = $1::regclass', [name]);
    expect(indexes).toHaveLength(3);
    const { rows } = await store.pool.query(
      "SELECT attstorage FROM pg_attribute WHERE attrelid = $1::regclass AND attname = 'body'",
      [name],
    );
    // 'e' is EXTERNAL: out of line, never compressed.
    expect(rows).toEqual([{ attstorage: 'e' }]);
  });

  it('waits for no reader of the table', async () => {
    await ensurePartitions(store.pool, 0);
    const reader = await store.pool.connect();
    try {
      await reader.query('BEGIN; SELECT count(*) FROM analytics.section; SELECT count(*) FROM analytics.flow');
      await ensurePartitions(store.pool, 1);
      expect(await partitions()).toHaveLength(4);
    } finally {
      await reader.query('ROLLBACK');
      reader.release();
    }
  });
});
