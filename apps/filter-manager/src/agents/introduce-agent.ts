import { canonicalJson, type Labels } from '@bpfleet/contract';
import type { Queries } from '../postgres/queries.js';
import { currentContents } from '../postgres/redistribute.js';

/**
 * Writes down an agent that enrols, with what its labels select: it may ask for that at once. Of an agent that is known
 * already, its statuses say more.
 * @returns whether it was not known
 */
export async function introduceAgent(client: Queries, agent: string, labels: Labels): Promise<boolean> {
  const contentFor = await currentContents(client);
  const { rowCount } = await client.query(
    `INSERT INTO control.agent (id, labels, desired, generation, epoch, sequence) VALUES ($1, $2, $3, 1, -1, -1)
     ON CONFLICT (id) DO NOTHING`,
    [agent, JSON.stringify(labels), canonicalJson(contentFor(labels))],
  );
  return rowCount === 1;
}
