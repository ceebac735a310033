import { fromBase64, toBase64 } from './base64.js';
import type { SignatureCrypto, Signer } from './keys.js';

const CONTEXT = new TextEncoder().encode('bpfleet-section-v1');
const SHA256_BYTES = 32;

/** The place of a section: no two sections of one agent have the same. */
export interface SectionPlace {
  /** ASCII, at most 63 bytes. */
  readonly agent: string;
  readonly epoch: number;
  readonly seq: number;
}

/**
 * What a session key signs of a section, byte by byte:
 *
 * | bytes | content |
 * |---|---|
 * | 18 | `bpfleet-section-v1` in ASCII |
 * | 1 | length of the agent's id |
 * | n | the agent's id in ASCII |
 * | 8 | epoch, big-endian |
 * | 8 | sequence, big-endian |
 * | 32 | SHA-256 of the record's value |
 */
export function sectionMessage({ agent, epoch, seq }: SectionPlace, valueSha256: Uint8Array): Uint8Array {
  const id = new TextEncoder().encode(agent);
  if (id.length > 255 || valueSha256.length !== SHA256_BYTES) throw new RangeError('no section has such a signature');
  const message = new Uint8Array(CONTEXT.length + 1 + id.length + 16 + SHA256_BYTES);
  const view = new DataView(message.buffer);
  message.set(CONTEXT);
  let at = CONTEXT.length;
  message[at++] = id.length;
  message.set(id, at);
  at += id.length;
  view.setBigUint64(at, BigInt(epoch));
  view.setBigUint64(at + 8, BigInt(seq));
  message.set(valueSha256, at + 16);
  return message;
}

/** Record headers that say who vouches for a section. */
export interface SectionSignature {
  /** Ed25519 by the session key over `sectionMessage`, base64. */
  readonly sig: string;
  /** The delegation of the session key, as `delegationText` makes it. */
  readonly key: string;
}

/** @param delegation of the signer's key, as `delegationText` makes it */
export function signSection(
  place: SectionPlace,
  value: Uint8Array,
  delegation: string,
  signer: Signer,
  crypto: Pick<SignatureCrypto, 'sha256'>,
): SectionSignature {
  return { sig: toBase64(signer.sign(sectionMessage(place, crypto.sha256(value)))), key: delegation };
}

/** Whether the session key signed this value at this place. */
export function isSectionSignature(
  sig: string,
  place: SectionPlace,
  value: Uint8Array,
  sessionPublicKey: string,
  crypto: SignatureCrypto,
): boolean {
  const signature = signatureOf(sig);
  return (
    signature !== undefined && crypto.verify(sessionPublicKey, sectionMessage(place, crypto.sha256(value)), signature)
  );
}

/** Undefined for what is no base64. */
function signatureOf(sig: string): Uint8Array | undefined {
  try {
    return fromBase64(sig);
  } catch {
    return undefined;
  }
}
