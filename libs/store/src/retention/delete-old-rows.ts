import type pg from 'pg';
import { noteParts } from './note-parts.js';
import type { Limits } from './outlived.js';
import { hourOf, spanParts } from './span-parts.js';

/** In one transaction: few enough to be through in a moment. */
const MOST_ROWS = 10_000;
const HOUR_MS = 3_600_000;

/** What has left the log's way has few rows and no partitions: its oldest rows are deleted. */
export async function deleteOldRows(
  client: pg.ClientBase,
  limits: { readonly quarantine: Limits; readonly loss: Pick<Limits, 'hours'> },
): Promise<number> {
  const { quarantine, loss } = limits;
  const old = await deleteAll(client, deleteOlder('quarantine', 'quarantined_at'), quarantine.hours);
  const oldLosses = await deleteAll(client, deleteOlder('loss', 'noticed_at'), loss.hours);
  const leftOut = await deleteAll(client, DELETE_LEFT_OUT, loss.hours);
  const { rows } = await client.query<{ is_large: boolean }>(
    "SELECT pg_total_relation_size('analytics.quarantine') > $1 AS is_large",
    [quarantine.bytes],
  );
  const beyond = rows[0]!.is_large ? await deleteAll(client, DELETE_BEYOND_BYTES, quarantine.bytes) : 0;
  // At once: until then new rows take new room on the disk.
  if (beyond > 0) await client.query('VACUUM (SKIP_LOCKED) analytics.quarantine');
  return old + oldLosses + leftOut + beyond;
}

/** Until none is left: one agent whose key is revoked can fill a table faster than a fixed number of rows a round empties it. */
async function deleteAll(client: pg.ClientBase, sql: string, limit: number): Promise<number> {
  for (let deleted = 0; ; ) {
    const { rows } = await client.query<{ count: string }>(sql, [limit, MOST_ROWS]);
    const count = Number(rows[0]!.count);
    deleted += count;
    if (count < MOST_ROWS) return deleted;
  }
}

/** As ingest has it where a record does not tell. */
const ns = (time: string): string => `(extract(epoch FROM ${time}) * 1000000000)::bigint`;
const notedOf = {
  quarantine: {
    // Who sends a record may name whom it likes: only agents that are known get notes of their own.
    agent: "CASE WHEN agent IN (SELECT agent FROM analytics.ledger) THEN agent ELSE '' END",
    first: `COALESCE(ts_min, ${ns('quarantined_at')})`,
    last: `COALESCE(ts_max, ${ns('quarantined_at')})`,
    bytes: 'sum(octet_length(body))',
  },
  loss: { agent: "''", first: ns('noticed_at'), last: ns('noticed_at'), bytes: '0' },
};
/** Of what one transaction deletes of one hour of ingest. */
const MOST_SPANS = 100;

const deleteOlder = (table: 'quarantine' | 'loss', time: string): string => `
  WITH old AS (
    SELECT id FROM analytics.${table} WHERE ${time} < now() - make_interval(hours => $1) ORDER BY ${time} LIMIT $2
  ), ${remembered(table, time, 'age')}`;

/** Of a row, beside what is in it: its header, its fixed columns, its places in the indexes. */
const ROW_BYTES = 200;

// The size of a table that rows were deleted of stays; the sum of what is kept does not.
const DELETE_BEYOND_BYTES = `
  WITH old AS (
    SELECT id FROM (
      SELECT id, sum(octet_length(body) + pg_column_size(headers) + octet_length(key) + octet_length(detail) + ${ROW_BYTES})
        OVER (ORDER BY id DESC) AS bytes
      FROM analytics.quarantine
    ) AS summed WHERE bytes > $1 ORDER BY id LIMIT $2
  ), ${remembered('quarantine', 'quarantined_at', 'size')}`;

// Of the losses by agent the only ones that come day and night, where filters sample. The totals stay in the accounts.
const DELETE_LEFT_OUT = `
  WITH old AS (
    SELECT agent, epoch, place FROM analytics.agent_loss
    WHERE kind = 'left-out' AND to_ns < EXTRACT(epoch FROM now() - make_interval(hours => $1))::bigint * 1000000000
    ORDER BY to_ns LIMIT $2
  ), gone AS (
    DELETE FROM analytics.agent_loss l USING old
    WHERE l.agent = old.agent AND l.epoch = old.epoch AND l.kind = 'left-out' AND l.place = old.place RETURNING 1
  ) SELECT count(*) FROM gone`;

/** Deletes the rows named in `old`, and notes by the hour how many they were. */
function remembered(table: 'quarantine' | 'loss', time: string, reason: 'age' | 'size'): string {
  const { agent, first, last, bytes } = notedOf[table];
  return `gone AS (
    DELETE FROM analytics.${table} WHERE id IN (SELECT id FROM old) RETURNING *
  ), spans AS (
    SELECT date_trunc('hour', ${time}, 'UTC') AS ingested_from, ${agent} AS agent, min(${first}) AS ts_min, max(${last}) AS ts_max,
      count(*) AS rows, ${bytes} AS bytes
    FROM gone GROUP BY 1, 2, ${hourOf(last)}
  ), ${spanParts(MOST_SPANS)}, noted AS (${noteParts(table, HOUR_MS, reason)}
  ) SELECT count(*) FROM gone`;
}
