import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { SignatureCrypto } from '@bpfleet/contract';

/** Making a key object costs as much as verifying with it. */
const MAX_KEPT_KEYS = 4096;
const keptKeys = new Map<string, KeyObject>();

/** Ed25519 and SHA-256 by Node, for the documents of `@bpfleet/contract`. */
export const nodeCrypto: SignatureCrypto = {
  sha256: (bytes) => createHash('sha256').update(bytes).digest(),
  verify(publicKey, message, signature) {
    try {
      return verify(null, message, keyObjectOf(publicKey), signature);
    } catch {
      // No key of this curve: it has signed nothing.
      return false;
    }
  },
};

/** @param publicKey raw, base64 */
export function keyObjectOf(publicKey: string): KeyObject {
  const kept = keptKeys.get(publicKey);
  if (kept) return kept;
  const x = Buffer.from(publicKey, 'base64').toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  if (keptKeys.size >= MAX_KEPT_KEYS) keptKeys.delete(keptKeys.keys().next().value!);
  keptKeys.set(publicKey, key);
  return key;
}
