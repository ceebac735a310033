import { z } from 'zod';

/** A raw Ed25519 public key, 32 bytes, in base64. One key has one text, so keys are compared as texts. */
export const PublicKey = z
  .string()
  .regex(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/, 'a public key is 32 bytes in base64')
  .meta({ examples: ['11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo='] });

/** What verifying needs of a machine; everything in here is pure otherwise. */
export interface SignatureCrypto {
  sha256(bytes: Uint8Array): Uint8Array;
  /** Ed25519 (RFC 8032). Never throws: what is no key or no signature verifies nothing. */
  verify(publicKey: string, message: Uint8Array, signature: Uint8Array): boolean;
}

/** Holds a private key. */
export interface Signer {
  readonly publicKey: string;
  /** Names the key in envelopes: a hint for people, no verifier goes by it. */
  readonly keyId: string;
  sign(message: Uint8Array): Uint8Array;
}

const HEX_DIGITS_OF_KEY_ID = 16;

/** `ed25519:` and the first 16 hex digits of sha256 over the raw key. */
export const keyIdOf = (rawKey: Uint8Array, crypto: Pick<SignatureCrypto, 'sha256'>): string =>
  `ed25519:${toHex(crypto.sha256(rawKey)).slice(0, HEX_DIGITS_OF_KEY_ID)}`;

/** `sha256:` and 64 hex digits. */
export const digestOf = (bytes: Uint8Array, crypto: Pick<SignatureCrypto, 'sha256'>): string =>
  `sha256:${toHex(crypto.sha256(bytes))}`;

export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}
