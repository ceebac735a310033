import { BpfleetError } from '@bpfleet/errors';
import { z } from 'zod';
import { AgentId } from '../naming.js';
import { documentKind, openDocument } from './document.js';
import type { DsseEnvelope, Verification } from './envelope.js';
import { PublicKey } from './keys.js';

/** The identity key's word for a session key: it signs an agent's sections and calls, in this epoch alone. */
export const Delegation = z.object({
  agent: AgentId,
  epoch: z.int().nonnegative(),
  sessionPublicKey: PublicKey,
});
export type Delegation = z.infer<typeof Delegation>;

export const delegationKind = documentKind({
  payloadType: 'application/vnd.bpfleet.delegation+json',
  schema: Delegation,
  maxBytes: 1024,
});

/** HTTP header of the agent API that holds a delegation's text. In Kafka it is the record header `key`. */
export const DELEGATION_HEADER = 'bpfleet-delegation';

/** Of the text. */
export const MAX_DELEGATION_CHARACTERS = 4096;

/** An envelope in one line of ASCII, fit for a header. */
export const delegationText = (delegation: DsseEnvelope): string => JSON.stringify(delegation);

/**
 * @param agentOf what the envelope claims, to find the identity keys by: not verified yet
 * @throws BpfleetError `DOCUMENT_INVALID`
 */
export function envelopeOfText(text: string): unknown {
  if (text.length > MAX_DELEGATION_CHARACTERS) throw notReadable('it is too long');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw notReadable((cause as Error).message);
  }
}

const notReadable = (why: string): BpfleetError =>
  new BpfleetError('DOCUMENT_INVALID', `the delegation of the session key is not readable: ${why}`);

/**
 * @param text as `delegationText` made it
 * @param identity the agent, by its identity keys
 * @throws BpfleetError `SIGNATURE_INVALID`, `DOCUMENT_INVALID`
 */
export function openDelegation(text: string, agent: string, identity: Verification): Delegation {
  const delegation = openDocument(delegationKind, envelopeOfText(text), identity);
  if (delegation.agent === agent) return delegation;
  throw new BpfleetError('DOCUMENT_INVALID', `this delegation is of agent ${delegation.agent}, not of ${agent}`);
}
