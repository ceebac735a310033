import { canonicalJson, type Labels } from '@bpfleet/contract';
import { type DesiredContent, desiredContents, type FleetSettings } from '../desired/desired-content.js';
import { notifyChanged } from './change-channel.js';
import type { Queries } from './queries.js';

interface AgentRow {
  id: string;
  labels: Labels;
  desired: DesiredContent;
}

/**
 * Works out what every agent should run and writes down where that is something new, with the next generation.
 * Only inside a transaction that has taken the fleet's row.
 * @returns the agents that have a new generation; replicas are told when the transaction commits
 */
export async function redistribute(client: Queries): Promise<string[]> {
  const contentFor = await currentContents(client);
  const { rows } = await client.query<AgentRow>('SELECT id, labels, desired FROM control.agent');
  const changed = rows
    .map(({ id, labels, desired }) => ({
      id,
      before: canonicalJson(desired),
      after: canonicalJson(contentFor(labels)),
    }))
    .filter(({ before, after }) => before !== after);
  if (changed.length === 0) return [];
  await client.query(
    `UPDATE control.agent SET desired = new.desired::jsonb, generation = generation + 1
     FROM unnest($1::text[], $2::text[]) AS new(id, desired) WHERE agent.id = new.id`,
    [changed.map(({ id }) => id), changed.map(({ after }) => after)],
  );
  const agents = changed.map(({ id }) => id);
  await notifyChanged(client, agents);
  return agents;
}

/** What agents should run by the assignments and settings that this transaction sees. */
export async function currentContents(client: Queries): Promise<(labels: Labels) => DesiredContent> {
  const fleet = await client.query<{ settings: FleetSettings }>('SELECT settings FROM control.fleet');
  const assigned = await client.query<{ filter: string; version: number; selector: string; revision: string }>(
    'SELECT filter, version, selector, assigned_at_revision AS revision FROM control.assignment',
  );
  const assignments = assigned.rows.map((row) => ({ ...row, revision: Number(row.revision) }));
  return desiredContents(assignments, fleet.rows[0]!.settings);
}
