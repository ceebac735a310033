import { BpfleetError } from '@bpfleet/errors';
import { z } from 'zod';
import { fromBase64, toBase64 } from './base64.js';
import type { SignatureCrypto, Signer } from './keys.js';

// DSSE 1.0, https://github.com/secure-systems-lab/dsse/blob/master/protocol.md

/** An Ed25519 signature has 64 bytes; other lengths verify nothing, so none is kept. */
const MAX_SIGNATURE_CHARACTERS = 128;
const MAX_SIGNATURES = 16;
/** Of the text; each kind of document has a lower limit of its own. */
const MAX_PAYLOAD_CHARACTERS = 8 * 1024 * 1024;

export const DsseSignature = z.object({
  /** A hint for people: whoever verifies tries the keys that it trusts. */
  keyid: z.string().max(128).optional(),
  sig: z.string().max(MAX_SIGNATURE_CHARACTERS),
});
export type DsseSignature = z.infer<typeof DsseSignature>;

export const DsseEnvelope = z.object({
  payloadType: z.string().min(1).max(256),
  /** Base64. What is signed are these bytes, and nobody writes them again. */
  payload: z.string().max(MAX_PAYLOAD_CHARACTERS),
  signatures: z.array(DsseSignature).min(1).max(MAX_SIGNATURES),
});
export type DsseEnvelope = z.infer<typeof DsseEnvelope>;

/** DSSE's pre-authentication encoding: what is signed. Lengths count bytes. */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const encoder = new TextEncoder();
  const type = encoder.encode(payloadType);
  const head = encoder.encode(`DSSEv1 ${type.length} ${payloadType} ${payload.length} `);
  const message = new Uint8Array(head.length + payload.length);
  message.set(head);
  message.set(payload, head.length);
  return message;
}

/** Signatures over bytes that travel by themselves. */
export function signPayload(payloadType: string, payload: Uint8Array, signers: readonly Signer[]): DsseSignature[] {
  const message = preAuthEncoding(payloadType, payload);
  return signers.map((signer) => ({ keyid: signer.keyId, sig: toBase64(signer.sign(message)) }));
}

export function sealEnvelope(payloadType: string, payload: Uint8Array, signers: readonly Signer[]): DsseEnvelope {
  return { payloadType, payload: toBase64(payload), signatures: signPayload(payloadType, payload, signers) };
}

export interface Verification {
  /** Public keys, each once. */
  readonly keys: readonly string[];
  readonly crypto: SignatureCrypto;
  /** So many different keys must have signed; default 1. */
  readonly threshold?: number;
}

/**
 * @returns the keys whose signatures hold
 * @throws BpfleetError `SIGNATURE_INVALID` when they are too few
 */
export function verifyPayload(
  payloadType: string,
  payload: Uint8Array,
  signatures: readonly DsseSignature[],
  { keys, crypto, threshold = 1 }: Verification,
): string[] {
  const message = preAuthEncoding(payloadType, payload);
  const accepted = new Set<string>();
  for (const { sig } of signatures.slice(0, MAX_SIGNATURES)) {
    const signature = fromBase64(sig);
    const key = keys.find((key) => !accepted.has(key) && crypto.verify(key, message, signature));
    if (key !== undefined) accepted.add(key);
  }
  if (accepted.size >= threshold) return [...accepted];
  const named = signatures.map(({ keyid }) => keyid ?? '?').join(', ');
  throw new BpfleetError(
    'SIGNATURE_INVALID',
    `no trusted key has signed this ${payloadType}: it is signed by ${named}, ${keys.length} keys are trusted`,
  );
}

/**
 * Verifies first and looks into nothing before.
 * @returns the bytes that were signed
 * @throws BpfleetError `SIGNATURE_INVALID`; `DOCUMENT_INVALID` for what is no envelope of this type, or too long
 */
export function openEnvelope(
  envelope: unknown,
  payloadType: string,
  maxPayloadBytes: number,
  verification: Verification,
): Uint8Array {
  const parsed = DsseEnvelope.safeParse(envelope);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new BpfleetError('DOCUMENT_INVALID', `this is no signed document: ${path.join('.') || 'it'}: ${message}`);
  }
  const { data } = parsed;
  if (data.payloadType !== payloadType) {
    throw new BpfleetError('DOCUMENT_INVALID', `this is a ${data.payloadType}, no ${payloadType}`);
  }
  const payload = fromBase64(data.payload);
  refuseLong(payloadType, payload, maxPayloadBytes);
  verifyPayload(payloadType, payload, data.signatures, verification);
  return payload;
}

export function refuseLong(payloadType: string, payload: Uint8Array, maxBytes: number): void {
  if (payload.length <= maxBytes) return;
  throw new BpfleetError(
    'DOCUMENT_INVALID',
    `a ${payloadType} has at most ${maxBytes} bytes, this has ${payload.length}`,
  );
}
