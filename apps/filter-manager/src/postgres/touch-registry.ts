import { REGISTRY_CHANGED } from '../registry/registry-store.js';
import { notifyChanged } from './change-channel.js';
import type { Queries } from './queries.js';

/**
 * Says that the registry is another one when this transaction commits; replicas wake those who wait for it. The last
 * statement of a transaction: it locks the row that all of them need.
 */
export async function touchRegistry(client: Queries): Promise<void> {
  await client.query('UPDATE control.registry SET revision = revision + 1');
  await notifyChanged(client, [REGISTRY_CHANGED]);
}
