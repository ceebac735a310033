import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DesiredState } from '@bpfleet/contract';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SigningService } from '../testing/signing-service.js';
import { claimedState, KeptOrders } from './kept-orders.js';
import { takeBundles } from './take-bundles.js';

const service = new SigningService('agent-1');
/** Named so that each is longer than those before. */
const filters = ['a', 'b', 'c'].map((filter, index) => ({
  filter,
  version: 1,
  expression: `tcp port ${[80, 443, 8080].slice(0, index + 1).join(' or ')}`,
}));

describe('the bundles of a state', () => {
  let folder: string;
  let kept: KeptOrders;
  let fetched: string[];
  let state: DesiredState;
  let payloads: Map<string, Uint8Array>;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-bundles-'));
    kept = new KeptOrders(folder, pino({ level: 'silent' }));
    fetched = [];
    use(filters);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function use(some: typeof filters): void {
    const order = service.desire(some);
    state = claimedState(order.state).state;
    payloads = new Map(
      state.entries.map(({ digest }, index) => [digest, Buffer.from(order.bundles[index]!, 'base64')]),
    );
  }
  const fetch = async (digest: string): Promise<Uint8Array> => {
    fetched.push(nameOf(payloads.get(digest)!));
    return payloads.get(digest)!;
  };
  const nameOf = (payload: Uint8Array): string => JSON.parse(Buffer.from(payload).toString()).filter;
  const sizeOf = (...names: string[]): number =>
    [...payloads.values()].filter((one) => names.includes(nameOf(one))).reduce((sum, { length }) => sum + length, 0);
  const take = async (maxBytes: number, source: typeof fetch | undefined = fetch) => {
    const { bundles, leftOut } = await takeBundles(state, kept, source, maxBytes);
    return {
      taken: bundles.map((text) => nameOf(Buffer.from(text, 'base64'))).join(' '),
      leftOut: leftOut.map(({ filter, version }) => `${filter}@${version}`).join(' '),
    };
  };

  it('are all taken where there is room', async () => {
    expect(await take(sizeOf('a', 'b', 'c'))).toEqual({ taken: 'a b c', leftOut: '' });
  });
  it('leave out by name what is too much, and go on with what fits', async () => {
    expect(await take(sizeOf('a', 'b', 'c') - 1)).toEqual({ taken: 'a b', leftOut: 'c@1' });
    use([...filters].reverse());
    expect(await take(sizeOf('c') - 1)).toEqual({ taken: 'b', leftOut: 'c@1 a@1' });
  });
  it('are fetched once, also those that are left out', async () => {
    await take(sizeOf('a'));
    expect(await take(sizeOf('a'))).toEqual({ taken: 'a', leftOut: 'b@1 c@1' });
    expect(fetched).toEqual(['a', 'b', 'c']);
  });
  it('keep on disk no more than is taken', async () => {
    await take(sizeOf('a', 'b', 'c'));
    await take(sizeOf('a', 'b'));
    const files = readdirSync(join(folder, 'bundles'));
    expect(files.filter((name) => name.endsWith('.json'))).toHaveLength(2);
    expect(files.filter((name) => name.endsWith('.left-out'))).toHaveLength(1);
  });
  it('are the same from disk alone: the filter-manager may be away', async () => {
    const before = await take(sizeOf('a', 'b'));
    expect(await take(sizeOf('a', 'b'), undefined)).toEqual(before);
  });
  it('come back when there is room again', async () => {
    await take(sizeOf('a', 'b'));
    use([filters[2]!, filters[0]!]);
    expect(await take(sizeOf('a', 'c'))).toEqual({ taken: 'c a', leftOut: '' });
    await kept.keep({ envelope: {}, state });
    expect(readdirSync(join(folder, 'bundles'))).toHaveLength(2);
  });
  it('are named twice and taken once', async () => {
    state = { ...state, entries: [...state.entries, ...state.entries] };
    expect(await take(sizeOf('a', 'b', 'c'))).toEqual({ taken: 'a b c', leftOut: '' });
  });
  it('leave out what is damaged on disk where nobody can be asked, under the name that can still be read', async () => {
    await take(sizeOf('a', 'b', 'c'));
    const [first, second] = state.entries.map(({ digest }) => join(folder, 'bundles', `${digest.slice(7)}.json`));
    const text = readFileSync(first!, 'utf8');
    writeFileSync(first!, text.replace('tcp port 80', 'tcp port 81'));
    rmSync(second!);
    const { bundles, leftOut } = await takeBundles(state, kept);
    expect(bundles.map((bundle) => nameOf(Buffer.from(bundle, 'base64')))).toEqual(['c']);
    expect(leftOut).toMatchObject([
      { filter: 'a', version: 1, isDamaged: true },
      { filter: 'unknown', isDamaged: true },
    ]);
    expect(await take(sizeOf('a', 'b', 'c'))).toEqual({ taken: 'a b c', leftOut: '' });
  });
});
