import {
  type Bundle,
  bundleKind,
  type DesiredState,
  desiredStateKind,
  digestOf,
  fromBase64,
  sealEnvelope,
  signPayload,
  type Trust,
  toBase64,
} from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { nodeCrypto, PrivateKey } from '@bpfleet/service';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DesireOrder } from '../border/opener-port.js';
import { SigningService, type TestFilter } from '../testing/signing-service.js';
import { verifyDesired } from './verify-desired.js';

const rounds = Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);
const service = new SigningService('agent-1');
const strange = new SigningService('agent-1');
const web: TestFilter = { filter: 'web', version: 3, expression: 'tcp port 80', interfaces: ['eth*'] };
const dns: TestFilter = { filter: 'dns', version: 1, expression: 'udp port 53' };

const trusting = (...keys: readonly PrivateKey[]): Trust => ({
  keys: keys.map(({ publicKey }) => publicKey),
  revokedKeys: [],
});
const verify = (order: DesireOrder, { trust = trusting(service.key), generation = -1 } = {}) =>
  verifyDesired(order, { agent: 'agent-1', trust, generation, crypto: nodeCrypto });

/** The same order with another payload of its first bundle, named and signed as if it had been so from the beginning. */
function withBundle(payload: Uint8Array, signer = service.key): DesireOrder {
  const signatures = signPayload(bundleKind.payloadType, payload, [signer]);
  const entries = [{ digest: digestOf(payload, nodeCrypto), signatures, interfaces: ['*'] }];
  return { ...service.desire([], { entries }), bundles: [toBase64(payload)] };
}
const payloadOfFirst = (order: DesireOrder): Uint8Array => fromBase64(order.bundles[0]!);
const bundleOfFirst = (order: DesireOrder): Bundle => JSON.parse(new TextDecoder().decode(payloadOfFirst(order)));
const textBytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

describe('a desired state', () => {
  it('is followed with its bundles, where and until when', () => {
    const order = service.desire([web, dns]);
    const { entries, refused, trust } = verify(order);
    expect(
      entries.map(({ bundle, interfaces, notAfterMs }) => [bundle.filter, bundle.version, interfaces, notAfterMs]),
    ).toEqual([
      ['web', 3, ['eth*'], undefined],
      ['dns', 1, ['*'], undefined],
    ]);
    expect(refused).toEqual([]);
    expect(trust).toEqual(trusting(service.key));
  });

  it('goes on with what runs of the same state where its bundle was damaged meanwhile, and else refuses that one alone', () => {
    const order = service.desire([web, dns]);
    const { entries: before, state } = verify(order);
    const leftOut = [{ digest: before[0]!.digest, filter: 'unknown', version: 1, isDamaged: true as const }];
    const damaged = { ...order, bundles: order.bundles.slice(1), leftOut };
    const context = {
      agent: 'agent-1',
      trust: trusting(service.key),
      generation: state.generation,
      crypto: nodeCrypto,
    };
    expect(verifyDesired(damaged, context, before).entries).toMatchObject(before.map(({ digest }) => ({ digest })));
    for (const { entries, refused } of [
      verifyDesired(damaged, context),
      verifyDesired(damaged, { ...context, generation: state.generation - 1 }, before),
    ]) {
      expect(entries.map(({ bundle }) => bundle.filter)).toEqual(['dns']);
      expect(refused).toMatchObject([{ error: { code: 'BUNDLE_INVALID' } }]);
    }
  });

  it('verifies a bundle that it has read before, and does not read it again', () => {
    const order = service.desire([web]);
    const trust = trusting(service.key);
    const context = { agent: 'agent-1', trust, generation: -1, crypto: nodeCrypto };
    const { entries: before } = verifyDesired(order, context);
    const again = (other: DesireOrder) => verifyDesired(other, context, before).entries[0]!.bundle;
    expect(again(order)).toBe(before[0]!.bundle);
    expect(again(service.desire([dns])).filter).toBe('dns');
    const bySomebody = withBundle(payloadOfFirst(order), strange.key);
    expect(() => again(bySomebody)).toThrow(expect.objectContaining({ code: 'SIGNATURE_INVALID' }));
    const otherBytes = { ...order, bundles: [toBase64(textBytes('other'))] };
    expect(() => again(otherBytes)).toThrow(expect.objectContaining({ code: 'BUNDLE_INVALID' }));
  });

  it('is followed without the bundles that are said to be too much, which are refused by name', () => {
    const order = service.desire([web, dns]);
    const { entries: named } = verify(order);
    const leftOut = [{ digest: named[0]!.digest, filter: 'web', version: 3 }];
    const { entries, refused } = verify({ ...order, bundles: order.bundles.slice(1), leftOut });
    expect(entries.map(({ bundle }) => bundle.filter)).toEqual(['dns']);
    expect(refused).toMatchObject([
      { named: { filter: 'web', version: 3 }, interfaces: ['eth*'], error: { code: 'FILTER_TOO_LARGE' } },
    ]);
    expect(refused[0]!.error.message).toContain(leftOut[0]!.digest);
  });

  it('runs a bundle that came, whatever is said of it', () => {
    const order = service.desire([web]);
    const leftOut = [{ digest: verify(order).entries[0]!.digest, filter: 'web', version: 3 }];
    expect(verify({ ...order, leftOut }).entries).toHaveLength(1);
  });

  it('knows bundles by their bytes, in whatever order they come, and overlooks those it does not name', () => {
    const order = service.desire([web]);
    const { entries } = verify({ ...order, bundles: [toBase64(textBytes({})), ...order.bundles] });
    expect(entries).toHaveLength(1);
  });

  it.each<[string, () => DesireOrder, string]>([
    ['signed by a strange key', () => strange.desire([web]), 'SIGNATURE_INVALID'],
    ['of which a byte was changed', () => changedState(service.desire([web])), 'SIGNATURE_INVALID'],
    ['of another agent', () => service.desire([web], { agent: 'agent-2' }), 'DOCUMENT_INVALID'],
    ['that is no envelope', () => ({ ...service.desire([web]), state: { payload: 7 } }), 'DOCUMENT_INVALID'],
    ['of another kind', () => ({ ...service.desire([web]), state: bundleAsState() }), 'DOCUMENT_INVALID'],
    ['without the bundle that it names', () => ({ ...service.desire([web]), bundles: [] }), 'BUNDLE_INVALID'],
    ['with a bundle that is no base64', () => ({ ...service.desire([web]), bundles: ['*'] }), 'DOCUMENT_INVALID'],
    [
      'with a bundle that a strange key signed',
      () => withBundle(payloadOfFirst(strange.desire([web])), strange.key),
      'SIGNATURE_INVALID',
    ],
    [
      'with an unreadable bundle that a strange key signed',
      () => withBundle(textBytes({ filter: 'web' }), strange.key),
      'SIGNATURE_INVALID',
    ],
    ['that leaves no key', () => service.desire([web], { revokedKeys: [service.key.publicKey] }), 'DOCUMENT_INVALID'],
    ['with more entries than there may be', () => withEntries(manyEntries()), 'DOCUMENT_INVALID'],
  ])('is refused: one %s', (_, order, code) => {
    expect(() => verify(order())).toThrow(expect.objectContaining({ code }));
  });

  it('is refused when it is older than one before, and followed when it is the same again', () => {
    const order = service.desire([web], { generation: 7 });
    expect(() => verify(order, { generation: 8 })).toThrow(expect.objectContaining({ code: 'VERSION_CONFLICT' }));
    expect(verify(order, { generation: 7 }).state.generation).toBe(7);
  });

  it('brings a new key in, which then signs its bundles; by itself a new key brings in nothing', () => {
    const next = PrivateKey.generate();
    const keys = [service.key.publicKey, next.publicKey];
    const { trust } = verify(service.desire([web], { keys }));
    expect(trust.keys).toEqual(keys);
    const payload = payloadOfFirst(service.desire([web]));
    const signatures = signPayload(bundleKind.payloadType, payload, [next]);
    const entries = [{ digest: digestOf(payload, nodeCrypto), signatures, interfaces: ['*'] }];
    const order = { ...service.desire([], { entries, keys }), bundles: [toBase64(payload)] };
    expect(verify(order).entries).toHaveLength(1);
    expect(() => verify({ ...service.desire([], { entries }), bundles: [toBase64(payload)] })).toThrow(
      expect.objectContaining({ code: 'SIGNATURE_INVALID' }),
    );
  });

  it('never trusts a key again that was revoked once', () => {
    const next = PrivateKey.generate();
    const revoked = verify(
      service.desire([web], { keys: [service.key.publicKey, next.publicKey], revokedKeys: [next.publicKey] }),
    );
    expect(revoked.trust).toEqual({ keys: [service.key.publicKey], revokedKeys: [next.publicKey] });
    const again = service.desire([web], { keys: [service.key.publicKey, next.publicKey] });
    expect(verify(again, { trust: revoked.trust }).trust.keys).toEqual([service.key.publicKey]);
  });

  it.each<[string, (bundle: Bundle) => unknown, object]>([
    [
      'has members that we do not know',
      (bundle) => ({ ...bundle, onlyOnMondays: true }),
      { filter: 'web', version: 3 },
    ],
    ['lacks one', ({ snaplenBytes: _, ...bundle }) => bundle, { filter: 'web', version: 3 }],
    ['does not even say its name', () => ({}), { filter: 'unknown', version: 1 }],
    ['is no object', () => 7, { filter: 'unknown', version: 1 }],
  ])('goes on without a bundle that is genuine and not to be read: it %s', (_, change, named) => {
    const genuine = withBundle(textBytes(change(bundleOfFirst(service.desire([web])))));
    const { entries, refused } = verify(genuine);
    expect(entries).toEqual([]);
    expect(refused).toMatchObject([
      { named, error: { code: 'BUNDLE_INVALID', message: expect.stringMatching(/not readable/) } },
    ]);
  });

  it(
    'of any bytes is refused with a code, or its bundles are',
    () => {
      const inputs = 400 * rounds;
      const base = service.desire([web]);
      const state = fromBase64((base.state as { payload: string }).payload);
      const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 });
      for (const [changes, kind] of fc.sample(fc.tuple(damage, fc.integer({ min: 0, max: 2 })), inputs)) {
        const damaged = (bytes: Uint8Array) => {
          const copy = bytes.slice();
          for (const [at, byte] of changes) copy[at % copy.length] = byte;
          return copy;
        };
        const order: DesireOrder[] = [
          { ...base, state: sealEnvelope(desiredStateKind.payloadType, damaged(state), [service.key]) },
          { ...base, bundles: [toBase64(damaged(payloadOfFirst(base)))] },
          withBundle(damaged(payloadOfFirst(base))),
        ];
        try {
          const { entries, refused } = verify(order[kind]!);
          expect(entries.length + refused.length).toBe(1);
        } catch (error) {
          expect(error).toBeInstanceOf(BpfleetError);
          expect(['DOCUMENT_INVALID', 'BUNDLE_INVALID', 'SIGNATURE_INVALID', 'VERSION_CONFLICT']).toContain(
            (error as BpfleetError).code,
          );
        }
      }
    },
    60_000 * rounds,
  );
});

function changedState(order: DesireOrder): DesireOrder {
  const envelope = order.state as { payload: string };
  const payload = fromBase64(envelope.payload);
  payload[payload.length - 2]! ^= 1;
  return { ...order, state: { ...envelope, payload: toBase64(payload) } };
}

const bundleAsState = () => sealEnvelope(bundleKind.payloadType, textBytes({}), [service.key]);

/** Sealed by hand: the contract would not write it. */
function withEntries(entries: DesiredState['entries']): DesireOrder {
  const order = service.desire([]);
  const state = JSON.parse(new TextDecoder().decode(fromBase64((order.state as { payload: string }).payload)));
  return {
    ...order,
    state: sealEnvelope(desiredStateKind.payloadType, textBytes({ ...state, entries }), [service.key]),
  };
}

function manyEntries(): DesiredState['entries'] {
  const { signatures, digest, interfaces } = {
    signatures: [{ sig: 'AA' }],
    digest: `sha256:${'0'.repeat(64)}`,
    interfaces: ['*'],
  };
  return Array.from({ length: 1025 }, () => ({ signatures, digest, interfaces }));
}
