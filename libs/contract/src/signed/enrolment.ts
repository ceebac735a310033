import { BpfleetError } from '@bpfleet/errors';
import { z } from 'zod';
import { AgentId, Labels } from '../naming.js';
import { fromBase64 } from './base64.js';
import { documentKind, parsePayload } from './document.js';
import { DsseEnvelope, openEnvelope } from './envelope.js';
import { PublicKey, type SignatureCrypto } from './keys.js';

/** What an agent says of itself when it enrols. Signed by the identity key that it names: so it has that key. */
export const Enrolment = z.object({
  agent: AgentId,
  identityPublicKey: PublicKey,
  labels: Labels,
});
export type Enrolment = z.infer<typeof Enrolment>;

export const enrolmentKind = documentKind({
  payloadType: 'application/vnd.bpfleet.enrolment+json',
  schema: Enrolment,
  maxBytes: 64 * 1024,
});

/**
 * Reads an enrolment and checks that its identity key signed it. The one document that names its own key: it proves that
 * whoever sent it has the key, and nothing of who that is.
 * @throws BpfleetError `SIGNATURE_INVALID`, `DOCUMENT_INVALID`
 */
export function openEnrolment(envelope: unknown, crypto: SignatureCrypto): Enrolment {
  const parsed = DsseEnvelope.safeParse(envelope);
  if (!parsed.success) throw new BpfleetError('DOCUMENT_INVALID', 'the enrolment is no signed document');
  const payload = fromBase64(parsed.data.payload);
  if (payload.length > enrolmentKind.maxBytes) throw new BpfleetError('DOCUMENT_INVALID', 'the enrolment is too long');
  const enrolment = parsePayload(enrolmentKind, payload);
  openEnvelope(parsed.data, enrolmentKind.payloadType, enrolmentKind.maxBytes, {
    keys: [enrolment.identityPublicKey],
    crypto,
  });
  return enrolment;
}

/** `POST /api/agent/v1/enrol` */
export const EnrolRequest = z.object({
  /** The secret that this fleet shares; empty where it has none. */
  token: z.string().max(1024).default(''),
  enrolment: DsseEnvelope,
});
export type EnrolRequest = z.infer<typeof EnrolRequest>;

export const Enrolled = z.object({
  agent: AgentId,
  /** The agent pins these: from now on it follows nobody else. */
  keys: z.array(PublicKey).min(1).max(16),
  serverTime: z.iso.datetime(),
});
export type Enrolled = z.infer<typeof Enrolled>;
