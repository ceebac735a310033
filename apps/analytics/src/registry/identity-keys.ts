import type { Registry } from '@bpfleet/contract';

/** Raw Ed25519 keys in base64. */
export interface IdentityKeys {
  readonly current: readonly string[];
  readonly revoked: readonly string[];
}

const NONE: IdentityKeys = { current: [], revoked: [] };

/** The identity keys of a registry, by agent. */
export class IdentityKeyTable {
  readonly #keys = new Map<string, IdentityKeys>();

  constructor(agents: Registry['agents'] = []) {
    for (const { id, identityKeys } of agents) {
      const isRevoked = ({ revokedAt }: { revokedAt?: string | undefined }) => revokedAt !== undefined;
      this.#keys.set(id, {
        current: identityKeys.filter((key) => !isRevoked(key)).map(({ publicKey }) => publicKey),
        revoked: identityKeys.filter(isRevoked).map(({ publicKey }) => publicKey),
      });
    }
  }

  of(agent: string): IdentityKeys {
    return this.#keys.get(agent) ?? NONE;
  }
}
