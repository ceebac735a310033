import type { Queries } from './queries.js';

export const CHANNEL = 'bpfleet_control';

/** A notification's payload is shorter than 8,000 bytes (PostgreSQL documentation, NOTIFY). */
const PAYLOAD_BYTES = 7_900;
const SEPARATOR = ',';

/** Tells all replicas, when the transaction commits, which agents have a new generation. */
export async function notifyChanged(client: Queries, agents: readonly string[]): Promise<void> {
  for (const payload of payloadsOf(agents)) await client.query('SELECT pg_notify($1, $2)', [CHANNEL, payload]);
}

/** As few payloads as hold the ids; an agent's id is ASCII without a comma. */
export function payloadsOf(agents: readonly string[]): string[] {
  const payloads: string[] = [];
  let current = '';
  for (const agent of agents) {
    if (current !== '' && current.length + 1 + agent.length > PAYLOAD_BYTES) {
      payloads.push(current);
      current = '';
    }
    current = current === '' ? agent : current + SEPARATOR + agent;
  }
  return current === '' ? payloads : [...payloads, current];
}

export const agentsIn = (payload: string): string[] => payload.split(SEPARATOR);
