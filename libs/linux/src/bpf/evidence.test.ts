import type { EbpfMap } from '@bpfleet/bpf';
import { expect, it } from 'vitest';
import { digestOf } from './evidence.js';

const map = (keyBytes: number): EbpfMap => ({
  kind: 'lpm',
  keyBytes,
  valueBytes: 1,
  entries: 3,
  keys: new Uint8Array(),
});
const zeros = new Uint8Array(3);
const keysOf = (keyBytes: number, ...keys: number[]) =>
  Uint8Array.from(keys.flatMap((key) => [key, ...Array(keyBytes - 1).fill(0)]));

it.each([4, 8])('a digest of keys of %i bytes is the same in whatever order they come', (bytes) => {
  const digest = (...keys: number[]) => digestOf(map(bytes), { keys: keysOf(bytes, ...keys), values: zeros });
  expect(digest(1, 2, 3)).toBe(digest(3, 1, 2));
  expect(digest(1, 2, 3)).not.toBe(digest(1, 2, 4));
});

it('differs by values and by shape', () => {
  const keys = keysOf(8, 1, 2, 3);
  const digest = digestOf(map(8), { keys, values: zeros });
  expect(digestOf(map(8), { keys, values: Uint8Array.of(0, 1, 0) })).not.toBe(digest);
  expect(digestOf({ ...map(8), kind: 'hash' }, { keys, values: zeros })).not.toBe(digest);
});
