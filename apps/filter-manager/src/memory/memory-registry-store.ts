import type { Registry } from '@bpfleet/contract';
import { RegistryStore } from '../registry/registry-store.js';
import type { MemoryControl } from './memory-control.js';

export class MemoryRegistryStore extends RegistryStore {
  constructor(private readonly control: MemoryControl) {
    super();
  }

  override async revision(): Promise<number> {
    return this.control.registryRevision;
  }

  override async read(): Promise<Registry> {
    const { identities, agents, filters, registryRevision: revision } = this.control;
    const ids = [...new Set([...identities.values()].map(({ agent }) => agent))].sort();
    const names = [...filters.keys()].sort();
    return {
      revision,
      agents: ids.map((id) => {
        const own = [...identities].filter(([, { agent }]) => agent === id);
        return {
          id,
          labels: agents.get(id)?.agent.labels ?? own.at(-1)![1].labels,
          identityKeys: own.map(([publicKey, { revokedAt }]) => ({ publicKey, ...(revokedAt ? { revokedAt } : {}) })),
        };
      }),
      filters: names.map((name) => ({ name, deleted: filters.get(name)!.isDeleted })),
      versions: names.flatMap((name) =>
        filters.get(name)!.versions.map(({ filter, version, digest, expression, snaplenBytes, programs }) => ({
          ...{ filter, version, digest, expression, snaplenBytes, programs },
        })),
      ),
    };
  }
}
