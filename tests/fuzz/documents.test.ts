import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  acceptDesired,
  digestOf,
  openBundle,
  openDelegation,
  openEnrolment,
  type SignatureCrypto,
  toBase64,
} from '@bpfleet/contract';
import { describe } from 'vitest';
import { JsonMutations } from './json-mutations.js';
import { itReadsOrRefuses } from './reads-or-refuses.js';

type Kind = 'bundle' | 'desired' | 'delegation' | 'enrolment';
const { documents, keys } = JSON.parse(
  readFileSync(new URL('../../libs/contract/test-vectors/signed-v1.json', import.meta.url), 'utf8'),
) as {
  documents: Record<Kind, { payload: string; payloadType: string }>;
  keys: { signing: { publicKey: string } };
};

/** Whoever signs may be broken, too: every signature holds, so that all bytes reach the parsers. */
const crypto: SignatureCrypto = {
  sha256: (bytes) => createHash('sha256').update(bytes).digest(),
  verify: () => true,
};
const trusted = { keys: [keys.signing.publicKey], crypto };
const signatures = [{ sig: toBase64(new Uint8Array(64)) }];
const context = { agent: 'host-1', trust: { keys: trusted.keys, revokedKeys: [] }, generation: 1, crypto };
const refusals = ['DOCUMENT_INVALID', 'BUNDLE_INVALID', 'SIGNATURE_INVALID', 'VERSION_CONFLICT'];

/** `1e15` becomes 16 digits, and members that are left out stand in what was read. */
const MOST_GROWTH = 4;
const DEFAULTS_CHARACTERS = 1024;

function isBounded(input: Uint8Array, result: unknown): boolean {
  const characters = JSON.stringify(result).length;
  if (characters > MOST_GROWTH * input.length + DEFAULTS_CHARACTERS) throw new RangeError(`${characters} characters`);
  return true;
}

const payloadOf = (kind: Kind) => Buffer.from(documents[kind].payload);
const enveloped = (kind: Kind, payload: Uint8Array) => ({
  payloadType: documents[kind].payloadType,
  payload: toBase64(payload),
  signatures,
});
/** What brings a document has read the text before. */
const json = (input: Uint8Array): unknown => {
  try {
    return JSON.parse(Buffer.from(input).toString());
  } catch {
    return undefined;
  }
};

describe('a signed document', () => {
  const damage = JsonMutations;
  const fuzz = (name: string, valid: Uint8Array, read: (input: Uint8Array) => unknown) =>
    itReadsOrRefuses({
      ...{ name, valid: [valid], damage, refusals },
      read: (input) => isBounded(input, read(input)),
    });

  fuzz('bundles', payloadOf('bundle'), (payload) =>
    openBundle(payload, { digest: digestOf(payload, crypto), signatures }, trusted),
  );
  fuzz('desired states', payloadOf('desired'), (payload) => acceptDesired(enveloped('desired', payload), context));
  fuzz('envelopes', Buffer.from(JSON.stringify(enveloped('desired', payloadOf('desired')))), (text) =>
    acceptDesired(json(text), context),
  );
  fuzz('delegations', payloadOf('delegation'), (payload) =>
    openDelegation(JSON.stringify(enveloped('delegation', payload)), 'host-1', trusted),
  );
  fuzz('texts of delegations', Buffer.from(JSON.stringify(enveloped('delegation', payloadOf('delegation')))), (text) =>
    openDelegation(Buffer.from(text).toString(), 'host-1', trusted),
  );
  fuzz('enrolments', payloadOf('enrolment'), (payload) => openEnrolment(enveloped('enrolment', payload), crypto));
});
