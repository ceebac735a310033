import { expect, it } from 'vitest';
import { noAmount } from './amount.js';
import { LossLog } from './loss-log.js';

it('tells of losses that were not told yet, with how much they are', () => {
  const lines: unknown[] = [];
  const log = new LossLog('/spool', { error: (facts: object) => lines.push(facts) } as never);
  const none = { evicted: noAmount, damaged: noAmount, passed: noAmount };
  expect(log.tell(none)).toBe(false);
  const evicted = { sections: 2, packets: 30, bytes: 700 };
  expect(log.tell({ ...none, evicted })).toBe(true);
  expect(log.tell({ ...none, evicted })).toBe(false);
  expect(log.tell({ ...none, evicted: { sections: 3, packets: 31, bytes: 900 } })).toBe(true);
  const damaged = { sections: 0, packets: 0, bytes: 5 };
  expect(log.tell({ ...none, evicted, damaged })).toBe(true);
  expect(lines).toEqual([
    { code: 'SPOOL_FULL', folder: '/spool', ...evicted },
    { code: 'SPOOL_FULL', folder: '/spool', sections: 3, packets: 31, bytes: 900 },
    { code: 'SECTION_CORRUPT', folder: '/spool', ...damaged },
  ]);
});
