import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BusRecord } from '../bus.js';
import { maxMessageBytes } from '../record-limits.js';
import { requestsOf } from './produce-requests.js';

const record = (number: number, valueBytes: number): BusRecord => ({
  key: String(number),
  value: new Uint8Array(valueBytes),
  headers: { agent: 'host-1' },
});

describe('requestsOf', () => {
  it('puts into one request what fits one record batch', () => {
    expect(requestsOf([1, 2, 3].map((number) => record(number, 100)))).toHaveLength(1);
    expect(requestsOf([])).toEqual([]);
  });

  it('keeps all records, their order and the limit, whatever their sizes', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: maxMessageBytes }), { maxLength: 20 });
    fc.assert(
      fc.property(sizes, (valueBytes) => {
        const requests = requestsOf(valueBytes.map((bytes, number) => record(number, bytes)));
        expect(requests.flat().map(({ key }) => Number(key))).toEqual(valueBytes.map((_, number) => number));
        for (const request of requests) {
          const bytes = request.reduce((sum, { value }) => sum + (value as Buffer).length, 0);
          expect(request.length === 1 || bytes < maxMessageBytes).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('copies no values', () => {
    const backing = new Uint8Array(100).fill(7);
    const [message] = requestsOf([{ ...record(1, 0), value: backing.subarray(10, 20) }]).flat();
    backing[10] = 8;
    expect([...(message!.value as Buffer)]).toEqual([8, 7, 7, 7, 7, 7, 7, 7, 7, 7]);
  });
});
