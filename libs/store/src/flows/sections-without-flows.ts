import pg from 'pg';
import { copyOut } from '../copy/copy-out.js';
import type { HeldPosition } from '../rows.js';
import { storeError } from '../store-error.js';

/** A stored section whose flows are to be made. */
export interface SectionWithoutFlows {
  readonly offset: bigint;
  readonly agent: string;
  readonly body: Uint8Array;
}

const STEP_SECTIONS = 64;

/** The sections from `flowsNext` to `next`, in the order of the log: what its owner took from this partition and did not finish. */
export async function* sectionsWithoutFlows(
  pool: pg.Pool,
  { logId, partition, next, flowsNext }: HeldPosition,
): AsyncGenerator<SectionWithoutFlows, void, void> {
  for (let from = flowsNext; from < next; ) {
    const step = await readStep(pool, logId, partition, from, next);
    yield* step;
    if (step.length < STEP_SECTIONS) return;
    from = step.at(-1)!.offset + 1n;
  }
}

async function readStep(
  pool: pg.Pool,
  logId: string,
  partition: number,
  from: bigint,
  next: bigint,
): Promise<SectionWithoutFlows[]> {
  try {
    const { rows } = await pool.query<{ since: Date }>(SINCE, [logId, partition]);
    // Written out, so that the planner leaves out the hours before.
    const sql = `
      SELECT log_offset, agent, body FROM analytics.section
      WHERE ingested_at >= '${rows[0]!.since.toISOString()}' AND log = ${pg.escapeLiteral(logId)}
        AND partition = ${partition} AND log_offset >= ${from} AND log_offset < ${next}
      ORDER BY log_offset LIMIT ${STEP_SECTIONS}`;
    return await copyOut(pool, sql, ([offset, agent, body]) => ({
      offset: offset!.readBigInt64BE(),
      agent: agent!.toString('utf8'),
      body: Buffer.from(body!),
    }));
  } catch (error) {
    throw storeError(error);
  }
}

const SINCE = `
  SELECT GREATEST(flows_at - interval '1 minute', '1970-01-01') AS since
  FROM analytics.position WHERE log = $1 AND partition = $2`;
