import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  bundleKind,
  type DesiredState,
  type DsseEnvelope,
  desiredStateKind,
  sealDocument,
  signPayload,
  toBase64,
} from '@bpfleet/contract';
import { matchesPatterns } from '@bpfleet/linux';
import { PrivateKey } from '@bpfleet/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { testOpenerOptions } from '../testing/opener-options.js';
import { Opener } from './opener.js';

interface Vector {
  readonly payloadType: string;
  readonly payload: string;
  readonly signature: DsseEnvelope['signatures'][number];
}
type KeyName = 'signing' | 'identity' | 'session';
const { keys, documents } = JSON.parse(
  readFileSync(new URL('../../../../libs/contract/test-vectors/signed-v1.json', import.meta.url), 'utf8'),
) as {
  readonly keys: Record<KeyName, { readonly seed: string; readonly publicKey: string }>;
  readonly documents: Record<'desired' | 'bundle', Vector & { readonly document: unknown }>;
};

/** RFC 8410, section 7: an Ed25519 key in PKCS #8, up to its seed. */
const PKCS8_HEAD = '302e020100300506032b657004220420';
const keyOf = (name: KeyName): PrivateKey => {
  const der = Buffer.from(PKCS8_HEAD + keys[name].seed, 'hex').toString('base64');
  return PrivateKey.fromPem(`-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`);
};
const base64 = (text: string): string => toBase64(new TextEncoder().encode(text));

/** As the vector has it: `web@3` on `eth*`, from 10:00 to 11:00 o'clock; the session's key is revoked. */
const desired = documents.desired.document as DesiredState;
const golden: DsseEnvelope = {
  payloadType: documents.desired.payloadType,
  payload: base64(documents.desired.payload),
  signatures: [documents.desired.signature],
};
const bundles = [base64(documents.bundle.payload)];
const signedBy = (name: KeyName, changed: Partial<DesiredState>): DsseEnvelope =>
  sealDocument(desiredStateKind, { ...desired, ...changed }, [keyOf(name)]);

/** It was taken: what the vector says of its last test packet is not so, which only who tries it finds. */
const TRIED = { reason: expect.stringMatching(/^self-test packet 1: the interpreter says 128, expected is 0$/) };

describe('an opener, by the golden vectors,', () => {
  let folder: string;
  let opener: Opener;
  const start = async (): Promise<void> => {
    const options = testOpenerOptions(folder, {
      agent: 'host-1',
      onFatal: (error) => expect.unreachable(String(error)),
    });
    opener = new Opener({
      ...options,
      opensSockets: false,
      interfaces: () => [{ name: 'eth0', index: 1, linkType: 'EN10MB', up: true }],
      matches: matchesPatterns,
    });
    await opener.start(() => {});
  };
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-golden-'));
    await start();
    await opener.pin([keys.signing.publicKey]);
  });
  afterEach(async () => {
    await opener.stop();
    rmSync(folder, { recursive: true });
  });
  const desire = (state: DsseEnvelope) => opener.desire({ state, bundles, excluded: [] });
  const outcome = async () => (await opener.attest()).outcomes[0];

  it('takes what is signed, until its end', async () => {
    await desire(golden);
    expect(await outcome()).toMatchObject({ filter: 'web', version: 3, ...TRIED });
  });

  it('refuses what has ended, with its code and what to do', async () => {
    await desire(signedBy('signing', { generation: 8, issuedAt: '2026-11-22T11:00:01.000Z' }));
    expect(await outcome()).toMatchObject({
      ...{ filter: 'web', version: 3, interface: 'eth0', state: 'refused', code: 'EXPIRED' },
      reason: expect.stringMatching(/until 2026-11-22T11:00:00.000Z.*does the agent reach it/),
    });
  });

  it('refuses it also when it starts again, by a clock that goes on', async () => {
    await desire(signedBy('signing', { generation: 8, issuedAt: '2026-11-22T11:00:01.000Z' }));
    await opener.stop();
    await start();
    await desire(signedBy('signing', { generation: 8, issuedAt: '2026-11-22T10:00:00.000Z' }));
    expect(await outcome()).toMatchObject({ state: 'refused', code: 'EXPIRED' });
  });

  it('takes it again when it is prolonged', async () => {
    await desire(signedBy('signing', { generation: 8, issuedAt: '2026-11-22T12:00:00.000Z' }));
    const entries = desired.entries.map((entry) => ({ ...entry, notAfter: '2026-11-22T13:00:00.000Z' }));
    await desire(signedBy('signing', { generation: 9, issuedAt: '2026-11-22T12:00:00.000Z', entries }));
    expect(await outcome()).toMatchObject(TRIED);
  });

  describe('never trusts again the key that the vector revokes:', () => {
    beforeEach(() => desire(golden));
    const back = { generation: 8, keys: [keys.signing.publicKey, keys.session.publicKey], revokedKeys: [] };
    const refused = expect.objectContaining({ code: 'SIGNATURE_INVALID' });

    it('a state that it signed', async () => {
      await expect(desire(signedBy('session', { generation: 8 }))).rejects.toEqual(refused);
    });
    it('a state that it signed, after one that named it among the trusted', async () => {
      await desire(signedBy('signing', back));
      await expect(desire(signedBy('session', { ...back, generation: 9 }))).rejects.toEqual(refused);
    });
    it('a state that it signed, after a restart', async () => {
      await desire(signedBy('signing', back));
      await opener.stop();
      await start();
      await expect(desire(signedBy('session', { ...back, generation: 9 }))).rejects.toEqual(refused);
    });
    it('a bundle that it alone signed', async () => {
      const payload = new TextEncoder().encode(documents.bundle.payload);
      const signatures = signPayload(bundleKind.payloadType, payload, [keyOf('session')]);
      const entries = desired.entries.map((entry) => ({ ...entry, signatures }));
      await expect(desire(signedBy('signing', { ...back, entries }))).rejects.toEqual(refused);
    });
  });

  it('goes over to the key that follows one that is revoked', async () => {
    const both = { keys: [keys.signing.publicKey, keys.identity.publicKey], revokedKeys: [] };
    await desire(signedBy('signing', { ...both, generation: 8 }));
    const payload = new TextEncoder().encode(documents.bundle.payload);
    const signatures = signPayload(bundleKind.payloadType, payload, [keyOf('identity')]);
    const entries = desired.entries.map((entry) => ({ ...entry, signatures }));
    const over = { entries, keys: [keys.identity.publicKey], revokedKeys: [keys.signing.publicKey] };
    await desire(signedBy('identity', { ...over, generation: 9 }));
    await expect(desire(signedBy('signing', { ...both, generation: 10 }))).rejects.toMatchObject({
      code: 'SIGNATURE_INVALID',
    });
    expect(await outcome()).toMatchObject({ filter: 'web', ...TRIED });
  });
});
