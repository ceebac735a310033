import type { ReceivedRecord } from '@bpfleet/bus';
import { describe, expect, it } from 'vitest';
import { commitSliceEnd } from './commit-slice.js';

const record = (offset: number, bytes = 10): ReceivedRecord => ({
  offset: BigInt(offset),
  key: 'a',
  value: new Uint8Array(bytes),
  headers: {},
  timestampMs: 0,
});
const limits = { records: 3, bytes: 100 };

describe('commitSliceEnd', () => {
  it('stops at the limit of records', () => {
    expect(
      commitSliceEnd(
        [0, 1, 2, 3].map((offset) => record(offset)),
        0,
        limits,
      ),
    ).toBe(3);
    expect(
      commitSliceEnd(
        [0, 1, 2, 3].map((offset) => record(offset)),
        3,
        limits,
      ),
    ).toBe(4);
  });
  it('stops before the limit of bytes', () => {
    expect(commitSliceEnd([record(0, 60), record(1, 40), record(2, 1)], 0, limits)).toBe(2);
  });
  it('takes one record of any size', () => {
    expect(commitSliceEnd([record(0, 1000), record(1)], 0, limits)).toBe(1);
  });
  it('stops at a gap', () => {
    expect(commitSliceEnd([record(0), record(1), record(3)], 0, limits)).toBe(2);
  });
  it('stops before what could not be decoded', () => {
    const unreadable = { ...record(1), unreadable: { first: 1n, reason: 'no codec' } };
    expect(commitSliceEnd([record(0), unreadable, record(2)], 0, limits)).toBe(1);
  });
});
