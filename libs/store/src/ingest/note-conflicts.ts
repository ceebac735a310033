import type pg from 'pg';
import type { SectionRow } from '../rows.js';

/** Counts sections by agent, epoch, and the kind of conflict that they show. */
export async function noteConflicts(
  client: pg.PoolClient,
  kinds: Record<string, readonly SectionRow[]>,
): Promise<void> {
  const counts = new Map<string, { agent: string; epoch: number; kind: string; sections: number }>();
  for (const [kind, sections] of Object.entries(kinds)) {
    for (const { agent, epoch } of sections) {
      const key = `${agent} ${epoch} ${kind}`;
      const count = counts.get(key) ?? { agent, epoch, kind, sections: 0 };
      counts.set(key, { ...count, sections: count.sections + 1 });
    }
  }
  if (counts.size === 0) return;
  const rows = [...counts.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, count]) => count);
  await client.query(NOTE_CONFLICTS, [
    rows.map(({ agent }) => agent),
    rows.map(({ epoch }) => epoch),
    rows.map(({ kind }) => kind),
    rows.map(({ sections }) => sections),
  ]);
}

const NOTE_CONFLICTS = `
  INSERT INTO analytics.identity_conflict AS c (agent, epoch, kind, sections)
  SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[])
  ON CONFLICT (agent, epoch, kind) DO UPDATE SET sections = c.sections + excluded.sections, last_noticed_at = now()`;
