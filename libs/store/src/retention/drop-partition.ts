import type pg from 'pg';
import { noteParts } from './note-parts.js';
import type { Outlived } from './outlived.js';
import { packetTimes } from './packet-times.js';
import { hourOf, spanParts } from './span-parts.js';

/**
 * Remembers what goes, and from this commit on no query looks for it: the packet times of a section's hour leave
 * `partition_range` in the same transaction. The table itself is dropped afterwards, also by the next round. Of the partition
 * each row is read once, without its body: that keeps nobody waiting but retention itself.
 */
export async function leave(client: pg.ClientBase, going: Outlived): Promise<void> {
  const { name, table, beginMs, endMs, bytes } = going.partition;
  const span = [new Date(beginMs), new Date(endMs)];
  await client.query('BEGIN');
  try {
    await client.query(remember(going), [span[0], bytes]);
    if (going.partition.class === 'section') {
      await client.query('DELETE FROM analytics.partition_range WHERE hour >= $1 AND hour < $2', span);
    }
    await client.query('INSERT INTO analytics.leaving_partition VALUES ($1, $2) ON CONFLICT DO NOTHING', [name, table]);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

/** Of one partition, and of each file: a lying clock, or a file of many years, makes no more spans than this. */
const MOST_SPANS = 100;

/** Sections of an imported file stand apart: it may be imported again, see ingest/import-store.ts. */
const IMPORTED = "CASE WHEN starts_with(log, 'import ') THEN agent ELSE '' END";

/** Each span has its share of the bytes. */
function remember({ partition, reason }: Outlived): string {
  const { class: of, table, name, beginMs, endMs } = partition;
  const { first, last } = packetTimes[table]!;
  return `
    WITH spans AS (
      SELECT $1::timestamptz AS ingested_from, ${of === 'section' ? IMPORTED : "''"} AS agent,
        min(${first}) AS ts_min, max(${last}) AS ts_max,
        count(*) AS rows, $2::bigint * count(*) / sum(count(*)) OVER () AS bytes
      FROM analytics.${name} GROUP BY 2, ${hourOf(last)}
    ), ${spanParts(MOST_SPANS)} ${noteParts(of, endMs - beginMs, reason)}`;
}

export interface Leaving {
  readonly name: string;
  readonly parent: string;
}

export async function leavingPartitions(client: pg.ClientBase): Promise<readonly Leaving[]> {
  const { rows } = await client.query<Leaving>('SELECT name, parent FROM analytics.leaving_partition ORDER BY since');
  return rows;
}

/**
 * Takes a partition out of its table and drops it, or goes on where an earlier attempt ended. Readers and writers do not
 * wait: DETACH … CONCURRENTLY itself waits for the transactions that may still read the partition, and gives up when the
 * connection's lock_timeout is over.
 */
export async function dropPartition(client: pg.ClientBase, { name, parent }: Leaving): Promise<void> {
  const { rows } = await client.query<{ is_pending: boolean }>(
    'SELECT inhdetachpending AS is_pending FROM pg_inherits WHERE inhrelid = to_regclass($1)',
    [`analytics.${name}`],
  );
  if (rows[0] !== undefined) {
    const how = rows[0].is_pending ? 'FINALIZE' : 'CONCURRENTLY';
    await client.query(`ALTER TABLE analytics.${parent} DETACH PARTITION analytics.${name} ${how}`);
  }
  await client.query(`DROP TABLE IF EXISTS analytics.${name}`);
  await client.query('DELETE FROM analytics.leaving_partition WHERE name = $1', [name]);
}
