import { formatInstantNs } from '@bpfleet/contract';
import type pg from 'pg';
import type { PartitionedClass } from '../partitions/partitioned-tables.js';
import { type GivenUp, givenUp } from '../retention/given-up.js';
import { clamp } from '../sections/section-query.js';
import { storeError } from '../store-error.js';
import type { EpochAccount } from './epoch-account.js';
import { type AccountRow, accountOf } from './keep-accounts.js';

/** A range of packet times in Unix ns, both ends included, of all agents or one. */
export interface LossQuery {
  readonly sinceNs: bigint;
  readonly untilNs: bigint;
  readonly agent?: string | undefined;
  /** What is answered from: of which what was given up is told. Sections when left out. */
  readonly from?: PartitionedClass | undefined;
}

/** What is known to be missing between two times. A loss of which only the bounds are known counts where they overlap. */
export interface KnownLosses {
  /** Packets that kernels dropped. */
  readonly droppedByKernel: number;
  /** Packets that were lost with an agent's process. */
  readonly lostByAgents: number;
  /** Packets that agents took and put into no section: sampled out, or over a budget. */
  readonly leftOutByAgents: number;
  /** Sections that agents made and that did not come, with their packets. Those in quarantine are among them. */
  readonly sectionsMissing: number;
  readonly packetsMissing: number;
  /**
   * Records put into quarantine whose time is in the range, or is not known and which arrived in it. Of those that it had no more
   * room for, or that became too old, the time is known to about an hour.
   */
  readonly recordsQuarantined: number;
  /** Records that the log gave up before they were read. */
  readonly recordsLost: number;
  /** What of the range was given up, as ISO 8601; undefined: nothing. `sections`: about so many of them. */
  readonly notRetained?: { readonly since: string; readonly until: string; readonly sections?: number }[];
}

/** All that is known of one agent. */
export interface AgentAccount {
  readonly agent: string;
  readonly epochs: readonly EpochAccount[];
  readonly losses: Pick<KnownLosses, 'droppedByKernel' | 'lostByAgents' | 'sectionsMissing' | 'packetsMissing'>;
  readonly recordsQuarantined: number;
  /** Sequence numbers that are not stored, `first` to `last`; at most `MOST_GAPS`, the newest. */
  readonly missing: readonly { readonly epoch: number; readonly first: number; readonly last: number }[];
}

const MOST_GAPS = 100;

/** Answers what is stored of what hosts have captured. */
export class LedgerStore {
  constructor(private readonly pool: pg.Pool) {}

  async losses({ sinceNs, untilNs, agent, from = 'section' }: LossQuery): Promise<KnownLosses> {
    const range = [clamp(sinceNs), clamp(untilNs)];
    const [{ rows }, gone] = await Promise.all([
      this.#query<Record<keyof typeof LOSS_COLUMNS, string>>(LOSSES, [...range, agent ?? null]),
      givenUp(this.pool, from, sinceNs, untilNs),
    ]);
    const row = rows[0]!;
    return {
      droppedByKernel: figure(row.dropped),
      lostByAgents: figure(row.killed),
      leftOutByAgents: figure(row.left_out),
      sectionsMissing: figure(row.missing_sections),
      packetsMissing: figure(row.missing_packets),
      recordsQuarantined: figure(row.quarantined),
      recordsLost: figure(row.lost),
      ...(gone.length === 0 ? {} : { notRetained: gone.map((part) => notRetained(part, from)) }),
    };
  }

  /** By the agents' ids; those behind `after`, at most `limit`. */
  async accounts(limit: number, after = ''): Promise<AgentAccount[]> {
    const { rows: names } = await this.#query<{ agent: string }>(
      'SELECT DISTINCT agent FROM analytics.ledger WHERE agent > $1 ORDER BY agent LIMIT $2',
      [after, limit],
    );
    const agents = names.map(({ agent }) => agent);
    const [epochs, losses, quarantined, gaps] = await Promise.all([
      this.#query<AccountRow>('SELECT * FROM analytics.ledger WHERE agent = ANY($1) ORDER BY agent, epoch', [agents]),
      this.#query<{ agent: string; kind: string; sections: string; packets: string }>(AGENT_LOSSES, [agents]),
      this.#query<{ agent: string; count: string }>(QUARANTINED, [agents]),
      this.#query<{ agent: string; epoch: string; first: string; end: string }>(GAPS, [agents, MOST_GAPS]),
    ]);
    return agents.map((agent) => {
      const of = <Row extends { agent: string }>({ rows }: { rows: Row[] }) =>
        rows.filter((row) => row.agent === agent);
      const lost = new Map(of(losses).map((row) => [row.kind, row] as const));
      return {
        agent,
        epochs: of(epochs).map(accountOf),
        losses: {
          droppedByKernel: figure(lost.get('kernel')?.packets),
          lostByAgents: figure(lost.get('killed')?.packets),
          sectionsMissing: figure(lost.get('missing')?.sections),
          packetsMissing: figure(lost.get('missing')?.packets),
        },
        recordsQuarantined: figure(of(quarantined)[0]?.count),
        missing: of(gaps).map(({ epoch, first, end }) => ({
          epoch: Number(epoch),
          first: Number(first),
          last: Number(end) - 1,
        })),
      };
    });
  }

  async #query<Row extends pg.QueryResultRow>(sql: string, values: unknown[]): Promise<pg.QueryResult<Row>> {
    try {
      return await this.pool.query<Row>(sql, values);
    } catch (error) {
      throw storeError(error);
    }
  }
}

/** A sum as Postgres gives it. Agents say what they like: one that lies must not make the answer unreadable for everybody. */
const figure = (sum = '0'): number => Math.min(Number(sum), Number.MAX_SAFE_INTEGER);

const notRetained = ({ fromNs, toNs, rows }: GivenUp, from: PartitionedClass) => ({
  since: formatInstantNs(fromNs),
  until: formatInstantNs(toNs),
  ...(from === 'section' ? { sections: rows } : {}),
});

/** Unix ns as a time, so that an index on times serves. */
const instant = (ns: string): string => `to_timestamp(${ns}::bigint / 1e9)`;

const LOSS_COLUMNS = {
  dropped: "SELECT COALESCE(sum(packets) FILTER (WHERE kind = 'kernel'), 0) FROM lost",
  killed: "SELECT COALESCE(sum(packets) FILTER (WHERE kind = 'killed'), 0) FROM lost",
  left_out: "SELECT COALESCE(sum(packets) FILTER (WHERE kind = 'left-out'), 0) FROM lost",
  missing_sections: "SELECT COALESCE(sum(sections) FILTER (WHERE kind = 'missing'), 0) FROM lost",
  missing_packets: "SELECT COALESCE(sum(packets) FILTER (WHERE kind = 'missing'), 0) FROM lost",
  // Those that retention has deleted since, too.
  quarantined: `
    SELECT COALESCE(sum(count), 0) FROM (
      SELECT count(*) FROM analytics.quarantine
      WHERE ((ts_max IS NULL AND quarantined_at >= ${instant('$1')} AND quarantined_at <= ${instant('$2')})
          OR (ts_max >= $1 AND ts_min <= $2))
        AND ($3::text IS NULL OR agent IS NULL OR agent = $3)
      UNION ALL
      SELECT sum(rows) FROM analytics.not_retained
      WHERE class = 'quarantine' AND ts_max >= $1 AND ts_min <= $2 AND ($3::text IS NULL OR agent IN ('', $3))
    ) AS counts`,
  // Whose they were, nobody knows any more.
  lost: `
    SELECT COALESCE(sum(end_offset - first_offset), 0) FROM analytics.loss
    WHERE noticed_at >= ${instant('$1')} AND COALESCE(after_ns, 0) <= $2`,
} as const;

const LOSSES = `
  WITH lost AS (
    SELECT kind, sections, packets FROM analytics.agent_loss
    WHERE to_ns >= $1::bigint AND from_ns <= $2::bigint AND ($3::text IS NULL OR agent = $3)
  ) SELECT ${Object.entries(LOSS_COLUMNS)
    .map(([name, query]) => `(${query}) AS ${name}`)
    .join(', ')}`;

const AGENT_LOSSES = `
  SELECT agent, kind, sum(sections) AS sections, sum(packets) AS packets FROM analytics.agent_loss
  WHERE agent = ANY($1) AND kind <> 'left-out' GROUP BY agent, kind`;

const QUARANTINED = `
  SELECT agent, sum(count) AS count FROM (
    SELECT agent, count(*) FROM analytics.quarantine WHERE agent = ANY($1) GROUP BY agent
    UNION ALL
    SELECT agent, sum(rows) FROM analytics.not_retained WHERE class = 'quarantine' AND agent = ANY($1) GROUP BY agent
  ) AS counts GROUP BY agent`;

const GAPS = `
  SELECT agent, epoch, lower(gap) AS first, upper(gap) AS end FROM (
    SELECT agent, epoch, gap, row_number() OVER (PARTITION BY agent ORDER BY epoch DESC, lower(gap) DESC) AS place
    FROM analytics.progress, unnest(int8multirange(int8range(0, upper(seqs))) - seqs) AS gap WHERE agent = ANY($1)
  ) AS gaps WHERE place <= $2 ORDER BY agent, epoch, first`;
