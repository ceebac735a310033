import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { numberText } from './number-text.js';
import { PacketQuery } from './query/packets.js';

describe('numberText', () => {
  const limit = numberText(z.int().min(0).max(10)).prefault(3);
  it('reads a number, also one that is a number already', () => {
    expect(['7', ' 0 ', 7, undefined].map((text) => limit.parse(text))).toEqual([7, 0, 7, 3]);
  });
  it.each(['', ' ', 'ten', '1.5', '11', null, ['1']])('refuses %j', (text) => {
    expect(limit.safeParse(text).success).toBe(false);
  });
  it('takes no empty limit for all packets', () => {
    expect(() => PacketQuery.parse({ limit: '' })).toThrow(/expected number/);
  });
});
