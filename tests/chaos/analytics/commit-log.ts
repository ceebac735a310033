import type pg from 'pg';

/** One change of a position that was committed, in the order of commits of its partition. */
export interface Change {
  readonly id: number;
  readonly atMs: number;
  readonly replica: string;
  readonly partition: number;
  readonly next: bigint;
  /** The partition was taken over; else something was committed. */
  readonly isTaken: boolean;
}

/** Postgres itself notes who takes positions and who moves them: in the same transaction, under the position's lock. */
const INSTALL = `
  CREATE SCHEMA chaos;
  CREATE TABLE chaos.change (id bigserial, at timestamptz DEFAULT clock_timestamp(), replica text, partition integer,
    next bigint, is_taken boolean);
  CREATE FUNCTION chaos.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO chaos.change (replica, partition, next, is_taken)
    VALUES (current_setting('chaos.replica', true), new.partition, new.next, TG_OP = 'INSERT' OR old.fence <> new.fence);
    RETURN NULL;
  END $$;
  CREATE TRIGGER note AFTER INSERT OR UPDATE ON analytics.position FOR EACH ROW EXECUTE FUNCTION chaos.note();`;

/** Who took and who moved which position. */
export class CommitLog {
  constructor(private readonly pool: pg.Pool) {}

  async install(): Promise<void> {
    await this.pool.query(INSTALL);
  }

  /** By this, Postgres knows a process again: settings of each of its connections. */
  static envOf(replica: string): Readonly<Record<string, string>> {
    return { PGOPTIONS: `-c chaos.replica=${replica}` };
  }

  /** @param sinceMs not before this moment */
  async read(sinceMs = 0): Promise<Change[]> {
    const { rows } = await this.pool.query<Row>(`${SELECT} WHERE at >= to_timestamp($1::float8 / 1000) ORDER BY id`, [
      sinceMs,
    ]);
    return rows.map(changeOf);
  }

  /** Who took each partition last. */
  async owners(): Promise<ReadonlyMap<number, string>> {
    const takes = (await this.read()).filter(({ isTaken }) => isTaken);
    return new Map(takes.map(({ partition, replica }) => [partition, replica]));
  }

  /** Commits of a replica that was not the last to take the partition: of a zombie. */
  async ofZombies(): Promise<Change[]> {
    const owners = new Map<number, string>();
    return (await this.read()).filter(({ replica, partition, isTaken }) => {
      if (isTaken) owners.set(partition, replica);
      return owners.get(partition) !== replica;
    });
  }

  /** How many partitions something was committed in since then. */
  async partitionsSince(atMs: number): Promise<number> {
    const { rows } = await this.pool.query<{ count: number }>(
      `SELECT count(DISTINCT partition)::int AS count FROM chaos.change
       WHERE NOT is_taken AND at > to_timestamp($1::float8 / 1000)`,
      [atMs],
    );
    return rows[0]!.count;
  }

  /** The first commit of a replica. @param partition of this one; @param afterMs not before this moment */
  async firstOf(replica: string, partition?: number, afterMs = 0): Promise<Change | undefined> {
    const { rows } = await this.pool.query<Row>(
      `${SELECT} WHERE replica = $1 AND NOT is_taken AND ($2::integer IS NULL OR partition = $2)
         AND at >= to_timestamp($3::float8 / 1000) ORDER BY id LIMIT 1`,
      [replica, partition ?? null, afterMs],
    );
    return rows.map(changeOf)[0];
  }
}

interface Row {
  readonly id: string;
  readonly at_ms: string;
  readonly replica: string;
  readonly partition: number;
  readonly next: string;
  readonly is_taken: boolean;
}

const SELECT =
  'SELECT id, extract(epoch FROM at) * 1000 AS at_ms, replica, partition, next, is_taken FROM chaos.change';

const changeOf = ({ id, at_ms: atMs, replica, partition, next, is_taken: isTaken }: Row): Change => ({
  ...{ id: Number(id), atMs: Number(atMs), replica, partition, next: BigInt(next), isTaken },
});
