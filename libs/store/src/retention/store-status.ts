import type pg from 'pg';
import type { PartitionedClass } from '../partitions/partitioned-tables.js';
import { storeError } from '../store-error.js';
import { listPartitions, type Partition } from './partition-list.js';

/** What Postgres holds of one class. */
export interface StoredClass {
  readonly class: PartitionedClass | 'quarantine' | 'loss';
  /** Of a partitioned class: as Postgres counts them, about. */
  readonly rows: number;
  /** With indexes and what is kept out of line. */
  readonly bytes: number;
  /** Of the partitions with rows, or of the rows: when they were ingested. */
  readonly oldest: Date | undefined;
  readonly newest: Date | undefined;
  readonly partitions: number;
  /** That begin later than now, of the table that has the fewest. */
  readonly partitionsAhead: number;
  /** By which it grew of late; undefined where nothing tells. */
  readonly bytesPerHour: number | undefined;
  /** Up to here, by ingest, it was given up. */
  readonly givenUpTo: Date | undefined;
}

export interface StoredPosition {
  readonly log: string;
  readonly partition: number;
  readonly next: number;
  readonly owner: string;
  readonly takenAt: Date;
  /** Where the log ended when its reader last asked, and when that was. */
  readonly end: number | undefined;
  readonly measuredAt: Date | undefined;
}

export interface StoredState {
  readonly classes: readonly StoredClass[];
  readonly positions: readonly StoredPosition[];
  /** Epochs of agents, and the ranges of sequence numbers by which repeated sections are known. */
  readonly dedupe: { readonly epochs: number; readonly ranges: number };
  /** Partitions that are still read, though they were given up. */
  readonly leaving: readonly string[];
}

const CLASSES: readonly PartitionedClass[] = ['section', 'flow', 'rollup'];
const HOUR_MS = 3_600_000;
/** The growth of so many hours, the running one among them. */
const GROWTH_HOURS = 3;

/** Tells how full the store is and how far it has read. */
export class StatusStore {
  constructor(private readonly pool: pg.Pool) {}

  async read(): Promise<StoredState> {
    try {
      const { nowMs, partitions } = await listPartitions(this.pool);
      const [givenUp, small, positions, dedupe, leaving] = await Promise.all([
        this.pool.query<{ class: string; given_up_to: Date }>(GIVEN_UP),
        this.pool.query<SmallRow>(SMALL_CLASSES),
        this.pool.query<PositionRow>(POSITIONS),
        this.pool.query<{ epochs: string; ranges: string }>(DEDUPE),
        this.pool.query<{ name: string }>('SELECT name FROM analytics.leaving_partition ORDER BY name'),
      ]);
      const upTo = new Map(givenUp.rows.map((row) => [row.class, row.given_up_to] as const));
      return {
        classes: [
          ...CLASSES.map((one) => partitionedClass(one, partitions, nowMs, upTo.get(one))),
          ...small.rows.map((row) => smallClass(row, upTo.get(row.class))),
        ],
        positions: positions.rows.map(positionOf),
        dedupe: { epochs: Number(dedupe.rows[0]!.epochs), ranges: Number(dedupe.rows[0]!.ranges) },
        leaving: leaving.rows.map(({ name }) => name),
      };
    } catch (error) {
      throw storeError(error);
    }
  }
}

function partitionedClass(
  name: PartitionedClass,
  all: readonly Partition[],
  nowMs: number,
  givenUpTo: Date | undefined,
): StoredClass {
  const partitions = all.filter((partition) => partition.class === name);
  const filled = partitions.filter(({ isEmpty }) => !isEmpty);
  const sum = (of: 'rows' | 'bytes') => partitions.reduce((total, partition) => total + partition[of], 0);
  const tables = [...new Set(partitions.map(({ table }) => table))];
  const ahead = tables.map(
    (table) => partitions.filter((partition) => partition.table === table && partition.beginMs > nowMs).length,
  );
  return {
    ...{ class: name, rows: sum('rows'), bytes: sum('bytes'), givenUpTo },
    oldest: filled[0] && new Date(filled[0].beginMs),
    newest: filled.at(-1) && new Date(filled.at(-1)!.beginMs),
    partitions: partitions.length,
    partitionsAhead: tables.length === 0 ? 0 : Math.min(...ahead),
    bytesPerHour: growth(filled, nowMs),
  };
}

/** Of the partitions that were written to of late: by now, since the first of them began. */
function growth(filled: readonly Partition[], nowMs: number): number | undefined {
  const late = filled.filter(({ beginMs, endMs }) => beginMs <= nowMs && endMs > nowMs - (GROWTH_HOURS - 1) * HOUR_MS);
  const first = late[0];
  if (first === undefined) return undefined;
  const bytes = late.reduce((sum, partition) => sum + partition.bytes, 0);
  return bytes / (Math.max(nowMs - first.beginMs, 60_000) / HOUR_MS);
}

interface SmallRow {
  readonly class: 'quarantine' | 'loss';
  readonly rows: string;
  readonly bytes: string;
  readonly oldest: Date | null;
  readonly newest: Date | null;
}

const smallClass = (
  { class: name, rows, bytes, oldest, newest }: SmallRow,
  givenUpTo: Date | undefined,
): StoredClass => ({
  ...{ class: name, rows: Number(rows), bytes: Number(bytes), givenUpTo, bytesPerHour: undefined },
  ...{ oldest: oldest ?? undefined, newest: newest ?? undefined, partitions: 0, partitionsAhead: 0 },
});

interface PositionRow {
  readonly log: string;
  readonly partition: number;
  readonly next: string;
  readonly owner: string;
  readonly taken_at: Date;
  readonly end_offset: string | null;
  readonly measured_at: Date | null;
}

const positionOf = (row: PositionRow): StoredPosition => ({
  ...{ log: row.log, partition: row.partition, next: Number(row.next), owner: row.owner, takenAt: row.taken_at },
  end: row.end_offset === null ? undefined : Number(row.end_offset),
  measuredAt: row.measured_at ?? undefined,
});

const GIVEN_UP = 'SELECT class, max(ingested_to) AS given_up_to FROM analytics.not_retained GROUP BY class';

const SMALL_CLASSES = `
  SELECT 'quarantine' AS class, count(*) AS rows, pg_total_relation_size('analytics.quarantine') AS bytes,
    min(quarantined_at) AS oldest, max(quarantined_at) AS newest FROM analytics.quarantine
  UNION ALL
  SELECT 'loss', count(*), pg_total_relation_size('analytics.loss'), min(noticed_at), max(noticed_at) FROM analytics.loss`;

const POSITIONS = `
  SELECT log, partition, next, owner, taken_at, end_offset, measured_at
  FROM analytics.position LEFT JOIN analytics.log_end USING (log, partition) ORDER BY log, partition`;

const DEDUPE = `
  SELECT count(*) AS epochs,
    COALESCE(sum((SELECT count(*) FROM unnest(seqs))), 0) AS ranges FROM analytics.progress`;
