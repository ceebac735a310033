import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { toBase64 } from './base64.js';
import { bundleKind, openBundle } from './bundle.js';
import { delegationKind, delegationText, openDelegation } from './delegation.js';
import { acceptDesired, type DesiredState, desiredStateKind, expiryOf, Trust } from './desired-state.js';
import { type DocumentKind, openDocument, payloadOf, sealDocument } from './document.js';
import { enrolmentKind, openEnrolment } from './enrolment.js';
import { type DsseEnvelope, signPayload } from './envelope.js';
import { digestOf, keyIdOf, type SignatureCrypto, type Signer, toHex } from './keys.js';
import { isSectionSignature, sectionMessage, signSection } from './section-signature.js';
import { statementKind } from './statement.js';

interface DocumentVector {
  readonly payloadType: string;
  readonly document: unknown;
  readonly payload: string;
  readonly signature: DsseEnvelope['signatures'][number];
}
type KeyName = 'signing' | 'identity' | 'session';

/** Never changed: what is signed like this stays signed. The signatures were checked with another implementation. */
const vectors = JSON.parse(readFileSync(new URL('../../test-vectors/signed-v1.json', import.meta.url), 'utf8')) as {
  readonly keys: Record<KeyName, { readonly seed: string; readonly publicKey: string; readonly keyId: string }>;
  readonly documents: Record<
    'desired' | 'delegation' | 'statement' | 'sharedStatement' | 'enrolment',
    DocumentVector
  > & {
    readonly bundle: DocumentVector & { readonly digest: string };
  };
  readonly section: {
    readonly agent: string;
    readonly epoch: number;
    readonly seq: number;
    readonly value: string;
    readonly message: string;
    readonly headers: { readonly sig: string; readonly key: string };
  };
};
const { documents, section } = vectors;

const crypto: SignatureCrypto = {
  sha256: (bytes) => createHash('sha256').update(bytes).digest(),
  verify(publicKey, message, signature) {
    const x = Buffer.from(publicKey, 'base64').toString('base64url');
    return verify(null, message, createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }), signature);
  },
};
/** RFC 8410, section 7: an Ed25519 key in PKCS #8, up to its seed. */
const PKCS8_HEAD = '302e020100300506032b657004220420';
function signerOf(name: KeyName): Signer {
  const { seed, publicKey, keyId } = vectors.keys[name];
  const key = createPrivateKey({ key: Buffer.from(PKCS8_HEAD + seed, 'hex'), format: 'der', type: 'pkcs8' });
  return { publicKey, keyId, sign: (message) => sign(null, message, key) };
}
const by = (name: KeyName) => ({ keys: [vectors.keys[name].publicKey], crypto });
const envelopeOf = ({ payload, payloadType, signature }: DocumentVector): DsseEnvelope => ({
  payloadType,
  payload: toBase64(Buffer.from(payload)),
  signatures: [signature],
});
const refusal = (code: string) => expect.objectContaining({ code });

describe('keys', () => {
  it.each(['signing', 'identity', 'session'] as const)('the %s key has its name', (name) => {
    const { publicKey, keyId } = vectors.keys[name];
    expect(keyIdOf(Buffer.from(publicKey, 'base64'), crypto)).toBe(keyId);
  });
});

const kinds: readonly (readonly [string, DocumentKind<z.ZodType>, DocumentVector, KeyName])[] = [
  ['bundle', bundleKind, documents.bundle, 'signing'],
  ['desired state', desiredStateKind, documents.desired, 'signing'],
  ['delegation', delegationKind, documents.delegation, 'identity'],
  ['statement', statementKind, documents.statement, 'identity'],
  ['statement of many interfaces', statementKind, documents.sharedStatement, 'identity'],
  ['enrolment', enrolmentKind, documents.enrolment, 'identity'],
];
describe.each(kinds)('a %s', (_name, kind, vector, key) => {
  it('is written and signed as in the vector', () => {
    expect(Buffer.from(payloadOf(kind, vector.document)).toString()).toBe(vector.payload);
    expect(sealDocument(kind, vector.document, [signerOf(key)])).toEqual(envelopeOf(vector));
  });
  it('is read from the vector', () => {
    expect(openDocument(kind, envelopeOf(vector), by(key))).toEqual(vector.document);
  });
  it('is not of the signer of another one', () => {
    expect(() => openDocument(kind, envelopeOf(vector), by('session'))).toThrow(refusal('SIGNATURE_INVALID'));
  });
  it('has no bit that could be another', () => {
    const payload = Buffer.from(vector.payload);
    fc.assert(
      fc.property(fc.nat(payload.length * 8 - 1), (bit) => {
        const changed = Buffer.from(payload);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        const envelope = { ...envelopeOf(vector), payload: toBase64(changed) };
        expect(() => openDocument(kind, envelope, by(key))).toThrow(refusal('SIGNATURE_INVALID'));
      }),
    );
  });
  it('is verified as it came, not as it would be written', () => {
    const spaced = Buffer.from(JSON.stringify(vector.document, undefined, 1));
    const envelope = { ...envelopeOf(vector), payload: toBase64(spaced) };
    expect(() => openDocument(kind, envelope, by(key))).toThrow(refusal('SIGNATURE_INVALID'));
  });
});

describe('a bundle beside its signatures', () => {
  const payload = Buffer.from(documents.bundle.payload);
  const named = { digest: documents.bundle.digest, signatures: [documents.bundle.signature] };

  it('has the digest of its bytes', () => {
    expect(digestOf(payload, crypto)).toBe(named.digest);
    expect(openBundle(payload, named, by('signing'))).toEqual(documents.bundle.document);
  });
  it('is refused under another digest', () => {
    const other = { ...named, digest: `sha256:${'0'.repeat(64)}` };
    expect(() => openBundle(payload, other, by('signing'))).toThrow(refusal('BUNDLE_INVALID'));
  });
  it('is refused when a trusted key signed something that is none', () => {
    const text = documents.bundle.payload;
    for (const wrong of [
      text.replace('{', '{"mood":"good",'),
      text.replace('"sampling":10', '"sampling":0'),
      text.replace('"RAW"', '"EN10MB"'),
      text.slice(1),
      '[',
    ]) {
      const bytes = Buffer.from(wrong);
      const signatures = signPayload(bundleKind.payloadType, bytes, [signerOf('signing')]);
      const digest = digestOf(bytes, crypto);
      expect(() => openBundle(bytes, { digest, signatures }, by('signing')), wrong.slice(0, 40)).toThrow(
        refusal('BUNDLE_INVALID'),
      );
    }
  });
  it('has a limit that counts before its signature is looked at', () => {
    const long = new Uint8Array(bundleKind.maxBytes + 1);
    expect(() => openBundle(long, { ...named, digest: digestOf(long, crypto) }, by('signing'))).toThrow('has at most');
  });
});

describe('a desired state', () => {
  const desired = documents.desired.document as DesiredState;
  const { signing, identity, session } = vectors.keys;
  const trust = { keys: [signing.publicKey], revokedKeys: [] };
  const context = { agent: 'host-1', trust, generation: 7, crypto };
  const signed = (changed: Partial<DesiredState>, by: KeyName = 'signing') =>
    sealDocument(desiredStateKind, { ...desired, ...changed }, [signerOf(by)]);

  it('is followed, also the same one again', () => {
    const { state, trust: after } = acceptDesired(envelopeOf(documents.desired), context);
    expect(state).toEqual(desired);
    expect(after).toEqual({ keys: [signing.publicKey], revokedKeys: [session.publicKey] });
  });
  it('is refused when it is older', () => {
    expect(() => acceptDesired(signed({}), { ...context, generation: 8 })).toThrow(refusal('VERSION_CONFLICT'));
  });
  it('is refused when it is another agent’s', () => {
    expect(() => acceptDesired(signed({}), { ...context, agent: 'host-2' })).toThrow(refusal('DOCUMENT_INVALID'));
  });
  it('brings a new key only when a key that is trusted signed it', () => {
    const next = { keys: [signing.publicKey, identity.publicKey] };
    expect(() => acceptDesired(signed(next, 'identity'), context)).toThrow(refusal('SIGNATURE_INVALID'));
    const { trust: after } = acceptDesired(signed(next), context);
    expect(after.keys).toEqual(next.keys);
    expect(acceptDesired(signed({ generation: 8 }, 'identity'), { ...context, trust: after }).state.generation).toBe(8);
  });
  it('takes a key away for ever', () => {
    const both = { keys: [signing.publicKey, identity.publicKey], revokedKeys: [] };
    const revoking = signed({ keys: [identity.publicKey], revokedKeys: [signing.publicKey] }, 'identity');
    const { trust: after } = acceptDesired(revoking, { ...context, trust: both });
    expect(after).toEqual({ keys: [identity.publicKey], revokedKeys: [signing.publicKey] });
    const back = signed({ keys: both.keys, revokedKeys: [] }, 'identity');
    expect(acceptDesired(back, { ...context, trust: after }).trust).toEqual(after);
    expect(() => acceptDesired(signed({}), { ...context, trust: after })).toThrow(refusal('SIGNATURE_INVALID'));
  });
  it('is followed after any number of keys that were revoked: those named last are remembered', () => {
    const keyOf = (number: number) => Buffer.alloc(32, `key ${number} `).toString('base64');
    const keys = (from: number, count: number) => Array.from({ length: count }, (_, index) => keyOf(from + index));
    const first = acceptDesired(signed({ revokedKeys: keys(0, 256) }), context);
    const second = acceptDesired(signed({ revokedKeys: keys(255, 3) }), { ...context, trust: first.trust });
    expect(second.trust.revokedKeys).toEqual([...keys(2, 253), ...keys(255, 3)]);
    expect(Trust.parse(second.trust)).toEqual(second.trust);
  });
  it('runs an entry up to its end, by the clock that it is given', () => {
    const [entry] = acceptDesired(envelopeOf(documents.desired), context).state.entries;
    const notAfterMs = Date.parse(entry!.notAfter!);
    expect(expiryOf({ notAfterMs }, Date.parse(desired.issuedAt))).toBeUndefined();
    expect(expiryOf({ notAfterMs }, notAfterMs)).toBeUndefined();
    expect(expiryOf({ notAfterMs }, notAfterMs + 1)).toMatchObject({
      code: 'EXPIRED',
      message: expect.stringContaining('2026-11-22T11:00:00.000Z'),
    });
    expect(expiryOf({ notAfterMs: undefined }, Number.MAX_SAFE_INTEGER)).toBeUndefined();
  });
  it('must leave a key', () => {
    const last = signed({ revokedKeys: [signing.publicKey] });
    expect(() => acceptDesired(last, context)).toThrow(refusal('DOCUMENT_INVALID'));
  });
});

describe('a delegation', () => {
  const text = section.headers.key;

  it('is one line of ASCII', () => {
    expect(delegationText(envelopeOf(documents.delegation))).toBe(text);
    expect(text).toMatch(/^[ -~]+$/);
  });
  it('names the session key of one agent and epoch', () => {
    expect(openDelegation(text, 'host-1', by('identity'))).toEqual(documents.delegation.document);
    expect(() => openDelegation(text, 'host-2', by('identity'))).toThrow(refusal('DOCUMENT_INVALID'));
    expect(() => openDelegation(text, 'host-1', by('session'))).toThrow(refusal('SIGNATURE_INVALID'));
  });
  it.each(['', '{', 'x'.repeat(5000), '[]', '"text"'])('is no other text', (other) => {
    expect(() => openDelegation(other, 'host-1', by('identity'))).toThrow(refusal('DOCUMENT_INVALID'));
  });
});

describe('an enrolment', () => {
  it('shows that its sender has the key that it names', () => {
    expect(openEnrolment(envelopeOf(documents.enrolment), crypto)).toEqual(documents.enrolment.document);
    const forged = sealDocument(enrolmentKind, documents.enrolment.document as never, [signerOf('session')]);
    expect(() => openEnrolment(forged, crypto)).toThrow(refusal('SIGNATURE_INVALID'));
  });
});

describe('the signature of a section', () => {
  const value = Buffer.from(section.value);
  const { publicKey } = vectors.keys.session;

  it('is made over the bytes of the vector', () => {
    expect(toHex(sectionMessage(section, crypto.sha256(value)))).toBe(section.message);
    expect(signSection(section, value, section.headers.key, signerOf('session'), crypto)).toEqual(section.headers);
  });
  it('holds for this place, value and key alone', () => {
    const holds = (changed: Partial<typeof section>, bytes: Uint8Array = value, key = publicKey) =>
      isSectionSignature(section.headers.sig, { ...section, ...changed }, bytes, key, crypto);
    expect(holds({})).toBe(true);
    expect(holds({ agent: 'host-2' })).toBe(false);
    expect(holds({ epoch: section.epoch + 1 })).toBe(false);
    expect(holds({ seq: section.seq + 1 })).toBe(false);
    expect(holds({}, value.subarray(1))).toBe(false);
    expect(holds({}, value, vectors.keys.identity.publicKey)).toBe(false);
    expect(isSectionSignature('%', section, value, publicKey, crypto)).toBe(false);
  });
  it('says each place with other bytes', () => {
    const place = fc.record({
      agent: fc.stringMatching(/^[a-b0-9]{1,4}$/),
      epoch: fc.maxSafeNat(),
      seq: fc.maxSafeNat(),
    });
    fc.assert(
      fc.property(place, place, (a, b) => {
        const hash = new Uint8Array(32);
        const isSame = a.agent === b.agent && a.epoch === b.epoch && a.seq === b.seq;
        expect(toHex(sectionMessage(a, hash)) === toHex(sectionMessage(b, hash))).toBe(isSame);
      }),
    );
  });
});
