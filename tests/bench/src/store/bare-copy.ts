import { copyIn } from '@bpfleet/store';
import type pg from 'pg';
import { to } from 'pg-copy-streams';

const TABLES = ['section', 'flow'] as const;
/** As large as a transaction of ingest. */
const PACKETS_PER_COMMIT = 2_500;
const PACKETS = 1_000_000;

/** Rows of one transaction, as COPY takes them. */
type Commit = Readonly<Record<(typeof TABLES)[number], Buffer>>;

/**
 * Packets per second of a bare COPY: the section and flow rows that ingest has just stored, read into memory beforehand,
 * into tables of the same form with the same indexes, in transactions as ingest makes them.
 * @param withFlows false: the section rows alone
 * @param connections that commit at the same time, each its share of the rows
 */
export async function bareCopy(
  pool: pg.Pool,
  durationMs: number,
  withFlows: boolean,
  connections: number,
): Promise<number> {
  const { commits, packets } = await storedRows(pool);
  const tables = TABLES.filter((table) => withFlows || table === 'section');
  for (const table of TABLES) {
    await pool.query(
      `DROP TABLE IF EXISTS bare_${table}; CREATE TABLE bare_${table} (LIKE analytics.${table} INCLUDING ALL)`,
    );
  }
  await pool.query('CHECKPOINT');
  const start = performance.now();
  try {
    const counts = await Promise.all(Array.from({ length: connections }, (_, first) => commitFrom(first)));
    const count = counts.reduce((sum, one) => sum + one, 0);
    return (count * (packets / commits.length)) / ((performance.now() - start) / 1000);
  } finally {
    await pool.query('DROP TABLE bare_section, bare_flow');
  }

  /** On a connection of its own: each commit whose turn is not another connection's. Resolves to how many. */
  async function commitFrom(first: number): Promise<number> {
    const client = await pool.connect();
    let failure: Error | undefined;
    try {
      let count = 0;
      for (; performance.now() - start < durationMs; count++) {
        const commit = commits[(first + count * connections) % commits.length]!;
        await client.query('BEGIN');
        for (const table of tables) await copyIn(client, `bare_${table}`, commit[table]);
        await client.query('COMMIT');
      }
      return count;
    } catch (error) {
      failure = error as Error;
      throw error;
    } finally {
      // Closed after an error, which else whoever gets it next would be told of in place of this one.
      client.release(failure);
    }
  }
}

async function storedRows(pool: pg.Pool): Promise<{ commits: readonly Commit[]; packets: number }> {
  const { rows } = await pool.query<{ sections: number; packets: number; all_packets: number; flows: number }>(`
    SELECT least(count(*), (${PACKETS} * count(*) / sum(packets)))::int AS sections,
      least(sum(packets), ${PACKETS})::int AS packets, sum(packets)::float8 AS all_packets,
      (SELECT count(*) FROM analytics.flow)::float8 AS flows FROM analytics.section`);
  const { sections, packets, all_packets: all, flows } = rows[0]!;
  const count = Math.ceil(packets / PACKETS_PER_COMMIT);
  const parts = {
    section: await slices(pool, 'section', sections, count),
    flow: await slices(pool, 'flow', Math.round((flows * packets) / all), count),
  };
  return {
    packets,
    commits: Array.from({ length: count }, (_, n) => ({ section: parts.section[n]!, flow: parts.flow[n]! })),
  };
}

/** The first rows of a table, as so many inputs of COPY. */
async function slices(pool: pg.Pool, table: string, rows: number, count: number): Promise<Buffer[]> {
  const client = await pool.connect();
  try {
    const all: Buffer[] = [];
    for await (const chunk of client.query(
      to(`COPY (SELECT * FROM analytics.${table} LIMIT ${rows}) TO STDOUT (FORMAT binary)`),
    )) {
      all.push(chunk as Buffer);
    }
    return split(Buffer.concat(all), rows, count);
  } finally {
    client.release();
  }
}

const HEADER_BYTES = 19;
const TRAILER = Buffer.from([0xff, 0xff]);

/** Cuts one binary COPY into several, each with header and trailer (PostgreSQL documentation, COPY, "Binary Format"). */
export function split(copy: Buffer, rows: number, count: number): Buffer[] {
  const header = copy.subarray(0, HEADER_BYTES);
  const parts: Buffer[] = [];
  let [at, row] = [HEADER_BYTES, 0];
  for (let part = 1; part <= count; part++) {
    const begin = at;
    for (const end = Math.round((rows * part) / count); row < end && copy.readInt16BE(at) >= 0; row++)
      at = rowEnd(copy, at);
    parts.push(Buffer.concat([header, copy.subarray(begin, at), TRAILER]));
  }
  return parts;
}

function rowEnd(copy: Buffer, start: number): number {
  let at = start + 2;
  for (let field = copy.readInt16BE(start); field > 0; field--) at += 4 + Math.max(0, copy.readInt32BE(at));
  return at;
}
