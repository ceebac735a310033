import type { Signer } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { PrivateKey } from '@bpfleet/service';
import type { SigningKeyStore } from './signing-key-store.js';

/**
 * The keys that bundles and desired states are signed with: the configured one, and the one that the database keeps. A
 * fleet that is given a key later goes on signing with both, so that agents which trust only the older one follow.
 */
export class SigningKeys {
  #signers: readonly Signer[] = [];

  constructor(
    private readonly configured: PrivateKey | undefined,
    private readonly store: SigningKeyStore,
  ) {}

  /** Makes a key when none is configured and none is kept. */
  async load(): Promise<void> {
    const kept = (await this.store.find()) ?? (this.configured ? undefined : await this.#make());
    const keys = [this.configured, kept === undefined ? undefined : PrivateKey.fromPem(kept)];
    const present = keys.filter((key) => key !== undefined);
    this.#signers = present.filter(
      (key, index) => present.findIndex((one) => one.publicKey === key.publicKey) === index,
    );
  }

  /** @throws BpfleetError `STORE_UNAVAILABLE` before they are loaded */
  get signers(): readonly Signer[] {
    if (this.#signers.length > 0) return this.#signers;
    throw new BpfleetError('STORE_UNAVAILABLE', 'the signing keys are not read from the database yet');
  }

  get publicKeys(): string[] {
    return this.signers.map(({ publicKey }) => publicKey);
  }

  #make(): Promise<string> {
    return this.store.keep(PrivateKey.generate().toPem());
  }
}
