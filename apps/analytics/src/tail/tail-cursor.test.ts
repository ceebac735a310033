import { parseInstantNs } from '@bpfleet/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatTailCursor, parseTailCursor, type TailCursor } from './tail-cursor.js';

const int8 = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const instant = fc.bigInt({
  min: parseInstantNs('0000-01-01T00:00:00+23:59', 0),
  max: parseInstantNs('9999-12-31T23:59:59.999999999-23:59', 0),
});
const micros = fc.integer({ min: 0, max: 2 ** 52 });
const anyCursor: fc.Arbitrary<TailCursor> = fc
  .record({
    sinceNs: instant,
    seenUs: micros,
    query: fc.constantFrom('abcDEF-_0123', 'x'),
    byPartition: fc.dictionary(
      fc.string({ minLength: 1, maxLength: 20 }).filter((text) => text !== '__proto__'),
      fc.uniqueArray(fc.record({ partition: fc.nat(500), next: int8, replacement: int8, storedFromUs: micros }), {
        selector: ({ partition }) => partition,
        minLength: 1,
      }),
    ),
  })
  .map(({ sinceNs, seenUs, query, byPartition }) => ({
    ...{ sinceNs, seenUs, query },
    places: Object.entries(byPartition).flatMap(([logId, places]) => places.map((place) => ({ logId, ...place }))),
  }));

const wire = (value: unknown): string => `1.${Buffer.from(JSON.stringify(value)).toString('base64url')}`;

describe('The cursor of a tail', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(anyCursor, (cursor) => {
        expect(parseTailCursor(formatTailCursor(cursor), cursor.query)).toEqual(cursor);
      }),
    );
  });
  it('is refused when it is of another query', () => {
    const cursor = { sinceNs: 0n, seenUs: 0, places: [], query: 'abc' };
    expect(() => parseTailCursor(formatTailCursor(cursor), 'abd')).toThrow(
      expect.objectContaining({ code: 'REQUEST_INVALID', message: 'the cursor is of another query' }),
    );
  });
  it.each([
    ['nothing', ''],
    ['another version', '2.e30'],
    ['no JSON', '1.AAAA'],
    ['a member too many', wire({ s: '0', t: 0, q: 'x', l: {}, x: 1 })],
    ['an offset beyond int8', wire({ s: '0', t: 0, q: 'x', l: { log: [[0, '9223372036854775808', '0', 0]] } })],
    ['an offset that is SQL', wire({ s: '0', t: 0, q: 'x', l: { log: [[0, '0; DROP TABLE x', '0', 0]] } })],
    ['a negative partition', wire({ s: '0', t: 0, q: 'x', l: { log: [[-1, '0', '0', 0]] } })],
    ['a cursor without its query', wire({ s: '0', t: 0, l: {} })],
    ['a time that is no number', wire({ s: '0', t: '0', q: 'x', l: {} })],
  ])('is refused when it is %s', (_, text) => {
    expect(() => parseTailCursor(text, 'x')).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
  });
});
