import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { keyIdOf, type Signer } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { nodeCrypto } from './node-crypto.js';

/** An Ed25519 private key. Its text is PEM (PKCS #8), as `openssl genpkey -algorithm ed25519` writes it. */
export class PrivateKey implements Signer {
  readonly publicKey: string;
  readonly keyId: string;

  private constructor(readonly keyObject: KeyObject) {
    const raw = Buffer.from(createPublicKey(keyObject).export({ format: 'jwk' }).x!, 'base64url');
    this.publicKey = raw.toString('base64');
    this.keyId = keyIdOf(raw, nodeCrypto);
  }

  static generate(): PrivateKey {
    return new PrivateKey(generateKeyPairSync('ed25519').privateKey);
  }

  /** @throws BpfleetError `CONFIG_INVALID` for anything else than an Ed25519 key; the text is in no message */
  static fromPem(pem: string): PrivateKey {
    const key = readPem(pem);
    if (key.asymmetricKeyType === 'ed25519') return new PrivateKey(key);
    throw notAKey(`it is a key of type ${key.asymmetricKeyType}`);
  }

  toPem(): string {
    return this.keyObject.export({ format: 'pem', type: 'pkcs8' }).toString();
  }

  sign(message: Uint8Array): Uint8Array {
    return sign(null, message, this.keyObject);
  }
}

function readPem(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw notAKey('it is no PEM of a private key', cause);
  }
}

const notAKey = (why: string, cause?: unknown): BpfleetError =>
  new BpfleetError('CONFIG_INVALID', `this cannot sign: ${why}`, {
    cause,
    hint: 'make one with: openssl genpkey -algorithm ed25519',
  });
