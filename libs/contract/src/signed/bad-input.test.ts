import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { BpfleetError } from '@bpfleet/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toBase64 } from './base64.js';
import { openBundle } from './bundle.js';
import { openDelegation } from './delegation.js';
import { acceptDesired } from './desired-state.js';
import { openEnrolment } from './enrolment.js';
import { digestOf, type SignatureCrypto } from './keys.js';

/** One million in the long form: `BPFLEET_TEST_INPUTS=1000000 npm test -- libs/contract/src/signed/bad-input`. */
const INPUTS = Number(process.env.BPFLEET_TEST_INPUTS ?? 3000);

const { documents, keys } = JSON.parse(
  readFileSync(new URL('../../test-vectors/signed-v1.json', import.meta.url), 'utf8'),
) as {
  documents: Record<'bundle' | 'desired' | 'delegation' | 'enrolment', { payload: string; payloadType: string }>;
  keys: { signing: { publicKey: string } };
};

/** Whoever signs may be broken, too: every signature holds, so that all bytes reach the parsers. */
const crypto: SignatureCrypto = {
  sha256: (bytes) => createHash('sha256').update(bytes).digest(),
  verify: () => true,
};
const trusted = { keys: [keys.signing.publicKey], crypto };
const signatures = [{ sig: toBase64(new Uint8Array(64)) }];
const CODES = ['DOCUMENT_INVALID', 'BUNDLE_INVALID', 'SIGNATURE_INVALID', 'VERSION_CONFLICT'];

/** Reads whatever it is; only our own refusals may come out. */
function isRead(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (!(error instanceof BpfleetError) || !CODES.includes(error.code)) throw error;
    return false;
  }
}

const junk = [
  'null',
  '[]',
  '{}',
  '""',
  '-1',
  '1e999',
  '9007199254740993',
  '"\\ud800"',
  '{"__proto__":{}}',
  '[[[[',
  '\0',
  '﻿',
];
/** Text with some of it changed, left out, doubled, or another kind of JSON. */
const damaged = (text: string) =>
  fc
    .array(
      fc.record({
        at: fc.nat(text.length),
        drop: fc.oneof(fc.constant(0), fc.nat(20), fc.nat(text.length)),
        put: fc.oneof(fc.constantFrom(...junk), fc.string({ maxLength: 4 }), fc.constant(text.slice(0, 40))),
      }),
      { minLength: 1, maxLength: 3 },
    )
    .map((changes) => {
      let result = text;
      for (const { at, drop, put } of changes) result = result.slice(0, at) + put + result.slice(at + drop);
      return Buffer.from(result);
    });
const bytesOf = (text: string) =>
  fc.oneof({ arbitrary: damaged(text), weight: 4 }, { arbitrary: fc.uint8Array({ maxLength: 200 }), weight: 1 });
const envelope = (payload: Uint8Array, payloadType: string) => ({
  payloadType,
  payload: toBase64(payload),
  signatures,
});

function tryAll(text: string, read: (payload: Uint8Array) => unknown): void {
  let reads = 0;
  fc.assert(
    fc.property(bytesOf(text), (payload) => {
      if (isRead(() => read(payload))) reads++;
    }),
    { numRuns: INPUTS },
  );
  // Some damage is none (a letter of a name); most of it is seen.
  expect(reads / INPUTS).toBeLessThan(0.5);
}

describe(`whatever comes as a signed document, ${INPUTS} inputs each`, () => {
  const timeout = 30_000 + INPUTS;

  it('a bundle is read or refused', { timeout }, () => {
    const before = process.memoryUsage().heapUsed;
    tryAll(documents.bundle.payload, (payload) =>
      openBundle(payload, { digest: digestOf(payload, crypto), signatures }, trusted),
    );
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(512 * 1024 * 1024);
  });
  it('a desired state is followed or refused', { timeout }, () => {
    const context = { agent: 'host-1', trust: { keys: trusted.keys, revokedKeys: [] }, generation: 1, crypto };
    const { payload, payloadType } = documents.desired;
    tryAll(payload, (bytes) => acceptDesired(envelope(bytes, payloadType), context));
  });
  it('a delegation is read or refused', { timeout }, () => {
    const { payload, payloadType } = documents.delegation;
    tryAll(payload, (bytes) => openDelegation(JSON.stringify(envelope(bytes, payloadType)), 'host-1', trusted));
    tryAll(JSON.stringify(envelope(Buffer.from(payload), payloadType)), (text) =>
      openDelegation(Buffer.from(text).toString(), 'host-1', trusted),
    );
  });
  it('an enrolment is read or refused', { timeout }, () => {
    const { payload, payloadType } = documents.enrolment;
    tryAll(payload, (bytes) => openEnrolment(envelope(bytes, payloadType), crypto));
  });
  it('an envelope is anything', { timeout }, () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withMap: true, maxDepth: 4 }), (value) => {
        const context = { agent: 'host-1', trust: { keys: trusted.keys, revokedKeys: [] }, generation: 1, crypto };
        expect(isRead(() => acceptDesired(value, context))).toBe(false);
      }),
      { numRuns: INPUTS },
    );
  });
});
