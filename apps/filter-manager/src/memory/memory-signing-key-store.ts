import { SigningKeyStore } from '../signing/signing-key-store.js';

export class MemorySigningKeyStore extends SigningKeyStore {
  #pem: string | undefined;

  override async find(): Promise<string | undefined> {
    return this.#pem;
  }

  override async keep(pem: string): Promise<string> {
    this.#pem ??= pem;
    return this.#pem;
  }
}
