import type { Assignment, NewAssignment } from '@bpfleet/contract';
import { filterNotFound } from '../filters/not-found.js';
import type { ControlDatabase } from '../postgres/control-database.js';
import type { Queries } from '../postgres/queries.js';
import { type AssignmentRow, assignmentOf } from '../postgres/rows.js';
import { AssignmentStore } from './assignment-store.js';
import { assignmentNotFound, versionNotFound } from './not-found.js';

export class PostgresAssignmentStore extends AssignmentStore {
  constructor(private readonly database: ControlDatabase) {
    super();
  }

  override assign({ filter, version, selector }: NewAssignment): Promise<Assignment> {
    return this.database.change(async ({ client, revision }) => {
      const number = await existingVersion(client, filter, version);
      const { rows } = await client.query<AssignmentRow>(
        `INSERT INTO control.assignment (filter, version, selector, assigned_at_revision) VALUES ($1, $2, $3, $4)
         ON CONFLICT (filter, selector) DO UPDATE
           SET version = excluded.version, assigned_at_revision = excluded.assigned_at_revision,
               created_at = excluded.created_at
         RETURNING *`,
        [filter, number, selector, revision],
      );
      return assignmentOf(rows[0]!);
    });
  }

  override unassign(id: string): Promise<void> {
    return this.database.change(async ({ client }) => {
      const { rowCount } = await client.query('DELETE FROM control.assignment WHERE id::text = $1', [id]);
      if (rowCount === 0) throw assignmentNotFound(id);
    });
  }

  override list(after: string | undefined, limit: number): Promise<Assignment[]> {
    return this.database.read(async (client) => {
      const { rows } = await client.query<AssignmentRow>(
        'SELECT * FROM control.assignment WHERE id > $1 ORDER BY id LIMIT $2',
        [after ?? 0, limit],
      );
      return rows.map(assignmentOf);
    });
  }
}

/** @returns the version's number, the latest one's when none is asked for */
async function existingVersion(client: Queries, filter: string, wanted: number | undefined): Promise<number> {
  const { rows } = await client.query<{ last_version: number }>(
    'SELECT last_version FROM control.filter WHERE name = $1 AND deleted_at IS NULL',
    [filter],
  );
  const last = rows[0]?.last_version;
  if (last === undefined) throw filterNotFound(filter);
  if (wanted !== undefined && wanted > last) throw versionNotFound(filter, wanted);
  return wanted ?? last;
}
