import type { Filter, FilterVersion } from '@bpfleet/contract';
import type { ControlDatabase } from '../postgres/control-database.js';
import type { Queries } from '../postgres/queries.js';
import { type AssignmentRow, assignmentOf, type VersionRow, versionColumns, versionOf } from '../postgres/rows.js';
import { touchRegistry } from '../postgres/touch-registry.js';
import { isSameContent } from './build-version.js';
import {
  type AddedVersion,
  type BuiltVersion,
  FilterStore,
  type MakeVersion,
  type Precondition,
} from './filter-store.js';
import { bundleNotFound, filterExists, filterNotFound } from './not-found.js';

interface FilterRow {
  name: string;
  description: string;
  last_version: number;
  created_at: Date;
}

export class PostgresFilterStore extends FilterStore {
  constructor(private readonly database: ControlDatabase) {
    super();
  }

  override create(name: string, description: string, make: MakeVersion): Promise<Filter> {
    return this.database.transaction(async (client) => {
      // A filter that was deleted is made again under the same name, with the next number.
      const { rows } = await client.query<FilterRow>(
        `INSERT INTO control.filter AS old (name, description, last_version) VALUES ($1, $2, 1)
         ON CONFLICT (name) DO UPDATE
           SET description = excluded.description, last_version = old.last_version + 1,
               created_at = excluded.created_at, deleted_at = NULL
           WHERE old.deleted_at IS NOT NULL
         RETURNING name, description, last_version, created_at`,
        [name, description],
      );
      const [filter] = rows;
      if (!filter) throw filterExists(name);
      const latest = await insertVersion(client, make, filter.last_version);
      await touchRegistry(client);
      return { name, description, latest, assignments: [], createdAt: filter.created_at.toISOString() };
    });
  }

  override addVersion(name: string, make: MakeVersion, check?: Precondition): Promise<AddedVersion> {
    return this.database.transaction(async (client) => {
      const current = await readFilter(client, name, 'FOR UPDATE');
      check?.(current);
      const number = current.latest.version + 1;
      if (isSameContent(make(number), current.latest)) return { version: current.latest, isNew: false };
      await client.query('UPDATE control.filter SET last_version = $2 WHERE name = $1', [name, number]);
      const version = await insertVersion(client, make, number);
      await touchRegistry(client);
      return { version, isNew: true };
    });
  }

  override delete(name: string, check?: Precondition): Promise<void> {
    return this.database.change(async ({ client }) => {
      check?.(await readFilter(client, name, 'FOR UPDATE'));
      await client.query('DELETE FROM control.assignment WHERE filter = $1', [name]);
      const { rowCount } = await client.query(
        'UPDATE control.filter SET deleted_at = now() WHERE name = $1 AND deleted_at IS NULL',
        [name],
      );
      if (rowCount === 0) throw filterNotFound(name);
      await touchRegistry(client);
    });
  }

  override get(name: string): Promise<Filter> {
    return this.database.read((client) => readFilter(client, name));
  }

  override list(after: string | undefined, limit: number): Promise<Filter[]> {
    return this.database.read(async (client) => {
      const { rows } = await client.query<FilterRow>(
        `SELECT name, description, last_version, created_at FROM control.filter
         WHERE deleted_at IS NULL AND name > $1 ORDER BY name LIMIT $2`,
        [after ?? '', limit],
      );
      return complete(client, rows);
    });
  }

  override versions(name: string, before: number | undefined, limit: number): Promise<FilterVersion[]> {
    return this.database.read(async (client) => {
      const filter = await client.query('SELECT FROM control.filter WHERE name = $1 AND deleted_at IS NULL', [name]);
      if (filter.rowCount === 0) throw filterNotFound(name);
      const { rows } = await client.query<VersionRow>(
        `SELECT ${versionColumns} FROM control.version WHERE filter = $1 AND ($2::int IS NULL OR version < $2)
         ORDER BY version DESC LIMIT $3`,
        [name, before ?? null, limit],
      );
      return rows.map(versionOf);
    });
  }

  /**
   * Gives versions that an older release made a bundle, and the digest that belongs to it.
   * @param make undefined for what cannot be made any more: no agent gets that
   */
  complete(make: (version: FilterVersion) => BuiltVersion | undefined): Promise<number> {
    return this.database.transaction(async (client) => {
      const { rows } = await client.query<VersionRow>(
        `SELECT ${versionColumns} FROM control.version WHERE bundle IS NULL FOR UPDATE`,
      );
      const made = rows.map((row) => make(versionOf(row))).filter((version) => version !== undefined);
      for (const { filter, version, programs, digest, bundle } of made) {
        await client.query(
          'UPDATE control.version SET programs = $3, digest = $4, bundle = $5 WHERE filter = $1 AND version = $2',
          [filter, version, JSON.stringify(programs), digest, Buffer.from(bundle)],
        );
      }
      if (made.length > 0) await touchRegistry(client);
      return made.length;
    });
  }

  override byDigest(digests: readonly string[]): Promise<FilterVersion[]> {
    return this.database.read(async (client) => {
      const { rows } = await client.query<VersionRow>(
        `SELECT ${versionColumns} FROM control.version WHERE digest = ANY($1) ORDER BY filter, version`,
        [digests],
      );
      return rows.map(versionOf);
    });
  }

  override bundle(digest: string): Promise<Uint8Array> {
    return this.database.read(async (client) => {
      const { rows } = await client.query<{ bundle: Buffer | null }>(
        'SELECT bundle FROM control.version WHERE digest = $1',
        [digest],
      );
      if (!rows[0]?.bundle) throw bundleNotFound(digest);
      return rows[0].bundle;
    });
  }
}

async function insertVersion(client: Queries, make: MakeVersion, number: number): Promise<FilterVersion> {
  const made = make(number);
  const { rows } = await client.query<VersionRow>(
    `INSERT INTO control.version (filter, version, expression, interfaces, snaplen_bytes, direction, sampling, budget,
       programs, digest, bundle)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING ${versionColumns}`,
    [
      ...[
        made.filter,
        made.version,
        made.expression,
        made.interfaces,
        made.snaplenBytes,
        made.direction,
        made.sampling,
      ],
      ...[JSON.stringify(made.budget), JSON.stringify(made.programs), made.digest, Buffer.from(made.bundle)],
    ],
  );
  return versionOf(rows[0]!);
}

async function readFilter(client: Queries, name: string, lock: 'FOR UPDATE' | '' = ''): Promise<Filter> {
  const { rows } = await client.query<FilterRow>(
    `SELECT name, description, last_version, created_at FROM control.filter
     WHERE name = $1 AND deleted_at IS NULL ${lock}`,
    [name],
  );
  const [filter] = await complete(client, rows);
  if (!filter) throw filterNotFound(name);
  return filter;
}

/** Adds each filter's latest version and its assignments, newest first. */
async function complete(client: Queries, filters: readonly FilterRow[]): Promise<Filter[]> {
  const names = filters.map(({ name }) => name);
  const latest = await client.query<VersionRow>(
    `SELECT ${versionColumns} FROM control.version JOIN unnest($1::text[], $2::int[]) AS last(filter, version)
     USING (filter, version)`,
    [names, filters.map(({ last_version }) => last_version)],
  );
  const assignments = await client.query<AssignmentRow>(
    'SELECT * FROM control.assignment WHERE filter = ANY($1) ORDER BY assigned_at_revision DESC',
    [names],
  );
  const versions = new Map(latest.rows.map((row) => [row.filter, versionOf(row)]));
  return filters.map(({ name, description, created_at }) => ({
    name,
    description,
    latest: versions.get(name)!,
    assignments: assignments.rows.filter(({ filter }) => filter === name).map(assignmentOf),
    createdAt: created_at.toISOString(),
  }));
}
