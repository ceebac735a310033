import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { AGENT_TOKEN_AUDIENCE } from '@bpfleet/contract';
import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { claimedAgent, signAgentToken, verifyAgentToken } from './agent-token.js';
import { nodeCrypto } from './node-crypto.js';
import { PrivateKey } from './private-key.js';

const NOW_MS = Date.UTC(2026, 10, 22, 10);
const refusal = (code: string) => expect.objectContaining({ code });

describe('a private key', () => {
  it('is the same again from its PEM, and is named as in the golden vectors', () => {
    const url = new URL('../../../contract/test-vectors/signed-v1.json', import.meta.url);
    const { seed, publicKey, keyId } = JSON.parse(readFileSync(url, 'utf8')).keys.identity;
    const der = Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex').toString('base64');
    const key = PrivateKey.fromPem(`-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`);
    expect([key.publicKey, key.keyId]).toEqual([publicKey, keyId]);
    expect(PrivateKey.fromPem(key.toPem()).publicKey).toBe(publicKey);
  });
  it('signs what its public key verifies, and nothing else does', () => {
    const [key, other] = [PrivateKey.generate(), PrivateKey.generate()];
    const message = Buffer.from('message');
    const signature = key.sign(message);
    expect(nodeCrypto.verify(key.publicKey, message, signature)).toBe(true);
    expect(nodeCrypto.verify(other.publicKey, message, signature)).toBe(false);
    expect(nodeCrypto.verify(key.publicKey, message.subarray(1), signature)).toBe(false);
  });
  it.each([
    ['no PEM', 'secret words'],
    [
      'a key of another kind',
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    ],
  ])('is not %s, and the text is not told', (_name, pem) => {
    expect(() => PrivateKey.fromPem(pem)).toThrow(refusal('CONFIG_INVALID'));
    expect(() => PrivateKey.fromPem(pem)).not.toThrow(pem);
  });
  it.each(['', 'x', 'A'.repeat(44), 'AAAA'])('the text %s is no public key, and verifies nothing', (text) => {
    expect(nodeCrypto.verify(text, Buffer.from('m'), new Uint8Array(64))).toBe(false);
  });
});

describe('the token of an agent', () => {
  const key = PrivateKey.generate();
  const token = () => signAgentToken('host-1', NOW_MS, key);
  const forged = (change: (jwt: SignJWT) => SignJWT, alg = 'EdDSA') => {
    const seconds = Math.floor(NOW_MS / 1000);
    const jwt = new SignJWT({ jti: '0123456789abcdef' })
      .setProtectedHeader({ alg, typ: 'JWT' })
      .setSubject('host-1')
      .setAudience(AGENT_TOKEN_AUDIENCE)
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + 60);
    return change(jwt).sign(alg === 'EdDSA' ? key.keyObject : Buffer.alloc(32));
  };

  it('says who calls, once', async () => {
    const [one, other] = [await token(), await token()];
    expect(claimedAgent(one)).toBe('host-1');
    const claims = await verifyAgentToken(one, key.publicKey, NOW_MS);
    expect(claims).toMatchObject({ sub: 'host-1', aud: AGENT_TOKEN_AUDIENCE });
    expect((await verifyAgentToken(other, key.publicKey, NOW_MS)).jti).not.toBe(claims.jti);
  });
  it.each([0, 29, -29, 89])('is taken when the clocks are %i s apart', async (seconds) => {
    await verifyAgentToken(await token(), key.publicKey, NOW_MS + seconds * 1000);
  });
  it.each([-40, 100, 86_400])('tells the time when the clocks are %i s apart', async (seconds) => {
    const late = verifyAgentToken(await token(), key.publicKey, NOW_MS + seconds * 1000);
    await expect(late).rejects.toMatchObject({ code: 'CLOCK_SKEW', message: expect.stringContaining('2026-11-2') });
  });
  it('tells the time only to whoever has the key', async () => {
    const late = verifyAgentToken(await token(), PrivateKey.generate().publicKey, NOW_MS + 1e6);
    await expect(late).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });
  it.each([
    ['another key', () => signAgentToken('host-1', NOW_MS, PrivateKey.generate())],
    ['another audience', () => forged((jwt) => jwt.setAudience('bpfleet-admin'))],
    ['a life of an hour', () => forged((jwt) => jwt.setExpirationTime(Math.floor(NOW_MS / 1000) + 3600))],
    ['an end before its beginning', () => forged((jwt) => jwt.setExpirationTime(Math.floor(NOW_MS / 1000) - 1))],
    ['no name of an agent', () => forged((jwt) => jwt.setSubject('../host'))],
    ['a short jti', () => forged((jwt) => jwt.setJti('1'))],
    ['a shared secret', () => forged((jwt) => jwt, 'HS256')],
    ['no words at all', async () => 'x'],
  ])('is refused with %s', async (_name, make) => {
    await expect(verifyAgentToken(await make(), key.publicKey, NOW_MS)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
  });
});
