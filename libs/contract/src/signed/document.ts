import { BpfleetError, type ErrorCode } from '@bpfleet/errors';
import type { z } from 'zod';
import { canonicalJson } from '../canonical-json.js';
import { type DsseEnvelope, openEnvelope, sealEnvelope, type Verification } from './envelope.js';
import type { Signer } from './keys.js';

/** One kind of signed JSON document. */
export interface DocumentKind<S extends z.ZodType> {
  readonly payloadType: string;
  readonly schema: S;
  readonly maxBytes: number;
}

export const documentKind = <S extends z.ZodType>(kind: DocumentKind<S>): DocumentKind<S> => kind;

/** The bytes of a document: written once, by whoever signs it. Equal documents have equal bytes. */
export function payloadOf<S extends z.ZodType>(kind: DocumentKind<S>, document: z.output<S>): Uint8Array {
  return new TextEncoder().encode(canonicalJson(kind.schema.parse(document)));
}

export function sealDocument<S extends z.ZodType>(
  kind: DocumentKind<S>,
  document: z.output<S>,
  signers: readonly Signer[],
): DsseEnvelope {
  return sealEnvelope(kind.payloadType, payloadOf(kind, document), signers);
}

/**
 * Verifies the bytes, then parses them.
 * @throws BpfleetError `SIGNATURE_INVALID`, `DOCUMENT_INVALID`
 */
export function openDocument<S extends z.ZodType>(
  kind: DocumentKind<S>,
  envelope: unknown,
  verification: Verification,
): z.output<S> {
  return parsePayload(kind, openEnvelope(envelope, kind.payloadType, kind.maxBytes, verification));
}

/**
 * Parses bytes that were verified.
 * @throws BpfleetError `DOCUMENT_INVALID`, or the code given, naming the member that is wrong
 */
export function parsePayload<S extends z.ZodType>(
  { payloadType, schema }: Pick<DocumentKind<S>, 'payloadType' | 'schema'>,
  payload: Uint8Array,
  code: ErrorCode = 'DOCUMENT_INVALID',
): z.output<S> {
  const parsed = schema.safeParse(jsonOf(payloadType, payload, code));
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw new BpfleetError(code, `this ${payloadType} is not readable: ${path.join('.') || 'it'}: ${message}`, {
    hint: 'it may be of a newer release: update the part that reads it',
  });
}

function jsonOf(payloadType: string, payload: Uint8Array, code: ErrorCode): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload));
  } catch (cause) {
    throw new BpfleetError(code, `this ${payloadType} is no JSON: ${(cause as Error).message}`, { cause });
  }
}
