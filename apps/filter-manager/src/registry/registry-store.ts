import type { Registry } from '@bpfleet/contract';

/** What the change feed calls the registry: no agent has such an id. */
export const REGISTRY_CHANGED = '*registry';

/** Reads what other services are told. */
export abstract class RegistryStore {
  /** What `read` would answer with, unless something changes. */
  abstract revision(): Promise<number>;
  abstract read(): Promise<Registry>;
}
