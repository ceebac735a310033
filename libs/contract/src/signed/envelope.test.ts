import { createHash, createPublicKey, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBase64, toBase64 } from './base64.js';
import { type DsseEnvelope, openEnvelope, preAuthEncoding, sealEnvelope, verifyPayload } from './envelope.js';
import type { SignatureCrypto, Signer } from './keys.js';

const crypto: SignatureCrypto = {
  sha256: (bytes) => createHash('sha256').update(bytes).digest(),
  verify(publicKey, message, signature) {
    const x = Buffer.from(publicKey, 'base64').toString('base64url');
    return verify(null, message, createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }), signature);
  },
};

// https://github.com/secure-systems-lab/dsse: protocol.md, "Test Vectors", and testvectors/vectors.json at 82043ad.
// Its keys are those of RFC 8032, section 7.1, TEST 1 and TEST 2.
const A = Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex').toString('base64');
const B = Buffer.from('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c', 'hex').toString('base64');
const IN_TOTO = 'application/vnd.in-toto+json';
const STATEMENT = 'eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEifQ==';
const BY_A = '2WAfaHm5jluo0w+0rk8uVkluELJYWjSmU9x7EUzx+AyteDGJ4/nqyJXfmAUVFIAoQafWm7AxBZNw5M9ixNHiCA==';
const BY_B = 'c1+67/aT0yqEpwx8PsVY3MLHsj9D0CZ014/Fv/QlG59P+9CobUZ7xECJ/V3USG0Ob9CiE5LjReEZUzNF2l7eBw==';
const ENCODED = 'DSSEv1 28 application/vnd.in-toto+json 43 {"_type":"https://in-toto.io/Statement/v1"}';

interface Vector {
  readonly name: string;
  readonly payload: string;
  readonly payloadType: string;
  readonly signatures: DsseEnvelope['signatures'];
  /** What the signatures are over. */
  readonly encoded: string;
  readonly trusted?: readonly string[];
  readonly threshold?: number;
  readonly supported?: string;
  readonly accepted: boolean;
}
const vector = (name: string, accepted: boolean, changed: Partial<Vector> = {}): Vector => ({
  name,
  payload: STATEMENT,
  payloadType: IN_TOTO,
  signatures: [{ keyid: 'A', sig: BY_A }],
  encoded: ENCODED,
  accepted,
  ...changed,
});
const vectors: readonly Vector[] = [
  vector('single-signature', true),
  vector('url-safe-base64', true, {
    payload: '-_-_Pj8=',
    signatures: [{ sig: 'P-_KHICeR7tI6S_YyejJTRtrXhcQyQ2LYPaL8h90KjC9qN8HU_svOQ6TuDOT1HIrsGW886DbWNWcCmX5twLrAw==' }],
    encoded: Buffer.concat([
      Buffer.from('DSSEv1 28 application/vnd.in-toto+json 5 '),
      Buffer.from('fbffbf3e3f', 'hex'),
    ]).toString('latin1'),
  }),
  vector('payload-type-swapped', false, { payloadType: 'application/vnd.example.other+json' }),
  vector('non-ascii-payload-type', true, {
    payloadType: 'application/vnd.exämple+json',
    signatures: [{ sig: 'xmSk/ug66ysT7ayhkCIjhAq42zgZXSsEWuzUaNL7w2eGAdF/NU6/fRXPtmfN+5DNSAs5/i2lUnHjbbjPsu0tAw==' }],
    encoded: Buffer.from(
      'DSSEv1 29 application/vnd.exämple+json 43 {"_type":"https://in-toto.io/Statement/v1"}',
    ).toString('latin1'),
  }),
  vector('empty-payload', true, {
    payload: '',
    signatures: [{ sig: 'gSggCAaTLTYyRH6FIDBem6meyIynsYy8RTHVzwx9tnTb7Bg/1jMWnuVgI/gffqmbsC2VX5/jHfkkDqsj7CDbDg==' }],
    encoded: 'DSSEv1 28 application/vnd.in-toto+json 0 ',
  }),
  vector('empty-payload-type', false, {
    payloadType: '',
    signatures: [{ sig: 'iC3q/+3Rm0+lpAJRueDmDh15PnwCfxKmS0NAfKsbv+zgulXQC/WM9trc+j1XEqlwDIg/vf/uNfebeD6sxInrDg==' }],
    encoded: 'DSSEv1 0  43 {"_type":"https://in-toto.io/Statement/v1"}',
    supported: IN_TOTO,
  }),
  vector('threshold-two-distinct-keys', true, {
    signatures: [
      { keyid: 'A', sig: BY_A },
      { keyid: 'B', sig: BY_B },
    ],
    trusted: [A, B],
    threshold: 2,
  }),
  vector('threshold-two-one-key-twice', false, {
    signatures: [
      { keyid: 'A', sig: BY_A },
      { keyid: 'A', sig: BY_A },
    ],
    trusted: [A, B],
    threshold: 2,
  }),
  vector('threshold-two-without-keyids', true, {
    signatures: [{ sig: BY_A }, { sig: BY_B }],
    trusted: [A, B],
    threshold: 2,
  }),
];

describe('DSSE', () => {
  it('encodes what is signed as the protocol shows it', () => {
    const hello = preAuthEncoding('http://example.com/HelloWorld', Buffer.from('hello world'));
    expect(Buffer.from(hello).toString()).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  });
  it.each(vectors.filter(({ name }) => name !== 'payload-type-swapped'))('encodes the vector $name', (one) => {
    const encoded = preAuthEncoding(one.payloadType, fromBase64(one.payload));
    expect(Buffer.from(encoded).toString('latin1')).toBe(one.encoded);
  });
  it.each(vectors)('judges the vector $name: $accepted', (one) => {
    const { payload, payloadType, signatures, trusted = [A], threshold = 1, supported = payloadType } = one;
    const open = () =>
      openEnvelope({ payload, payloadType, signatures }, supported, 1000, { keys: trusted, crypto, threshold });
    if (one.accepted) expect(toBase64(open())).toBe(toBase64(fromBase64(payload)));
    else expect(open).toThrow();
  });
  it('says which type it is before it tries a signature', () => {
    const envelope = { payload: STATEMENT, payloadType: IN_TOTO, signatures: [{ sig: BY_A }] };
    const open = (type: string, maxBytes = 1000) => openEnvelope(envelope, type, maxBytes, { keys: [A], crypto });
    expect(() => open('application/vnd.bpfleet.bundle+json')).toThrow('no application/vnd.bpfleet.bundle+json');
    expect(() => open(IN_TOTO, 42)).toThrow('has at most 42 bytes');
    expect(Buffer.from(open(IN_TOTO, 43))).toHaveLength(43);
  });
  it.each([
    ['nothing', undefined],
    ['text', 'envelope'],
    ['an envelope without signatures', { payload: STATEMENT, payloadType: IN_TOTO, signatures: [] }],
    ['a payload that is no base64', { payload: '%', payloadType: IN_TOTO, signatures: [{ sig: BY_A }] }],
    ['a signature that is no base64', { payload: STATEMENT, payloadType: IN_TOTO, signatures: [{ sig: '%' }] }],
    [
      'seventeen signatures',
      { payload: STATEMENT, payloadType: IN_TOTO, signatures: Array.from({ length: 17 }, () => ({ sig: BY_A })) },
    ],
  ])('refuses %s', (_name, envelope) => {
    expect(() => openEnvelope(envelope, IN_TOTO, 1000, { keys: [A], crypto })).toThrow(
      expect.objectContaining({ code: 'DOCUMENT_INVALID' }),
    );
  });
  it('trusts no key by its name', () => {
    const signatures = [{ keyid: 'B', sig: BY_A }];
    expect(verifyPayload(IN_TOTO, fromBase64(STATEMENT), signatures, { keys: [A, B], crypto })).toEqual([A]);
    expect(() => verifyPayload(IN_TOTO, fromBase64(STATEMENT), signatures, { keys: [B], crypto })).toThrow(
      expect.objectContaining({ code: 'SIGNATURE_INVALID' }),
    );
  });
  it('signs and opens any bytes', () => {
    // Its signature is what it signs: whatever is lost or added on the way shows.
    const signer: Signer = { publicKey: A, keyId: 'a', sign: (message) => crypto.sha256(message) };
    const checking: SignatureCrypto = {
      ...crypto,
      verify: (_key, message, signature) => toBase64(crypto.sha256(message)) === toBase64(signature),
    };
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 40 }), fc.uint8Array({ maxLength: 300 }), (type, bytes) => {
        const envelope = sealEnvelope(type, bytes, [signer]);
        const opened = openEnvelope(JSON.parse(JSON.stringify(envelope)), type, 300, { keys: [A], crypto: checking });
        expect(opened).toEqual(bytes);
      }),
    );
  });
});

describe('base64', () => {
  it('is what Node writes, and reads both alphabets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
        expect(fromBase64(toBase64(bytes))).toEqual(bytes);
        expect(fromBase64(Buffer.from(bytes).toString('base64url'))).toEqual(bytes);
      }),
    );
  });
  it.each(['a', 'aaaaa', 'aa=', 'a===', 'aaa==', 'a b=', 'aé==', 'ab==', 'abd='])('refuses %s', (text) => {
    expect(() => fromBase64(text)).toThrow(expect.objectContaining({ code: 'DOCUMENT_INVALID' }));
  });
});
