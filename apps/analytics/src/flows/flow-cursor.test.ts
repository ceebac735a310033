import { FlowListQuery, parseInstantNs } from '@bpfleet/contract';
import { describe, expect, it } from 'vitest';
import { queryDigest } from '../query-digest.js';
import { cursorText, readCursor } from './flow-cursor.js';

const range = { sinceNs: 5n, untilNs: 2n ** 63n - 1n };
const after = {
  ...{ lastNs: 7n, agent: 'host-1', filters: 'web@3', source: '10.0.0.1', destination: '2001:db8::1' },
  ...{ sourcePort: -1, destinationPort: 443, protocol: 6 },
};
const digest = queryDigest(['tcp', undefined, 'web']);

describe('The cursor of a list of flows', () => {
  it('is read as it was written', () => {
    expect(readCursor(cursorText(digest, range, after), digest)).toEqual({ range, after });
  });
  it.each([
    ['0000-01-01', '1969-12-31'],
    ['1600-01-01', '9999-12-31T23:59:59.999999999-23:59'],
  ])('is read as it was written, from %s to %s', (since, until) => {
    const range = { sinceNs: parseInstantNs(since, 0), untilNs: parseInstantNs(until, 0) };
    expect(readCursor(cursorText(digest, range, after), digest).range).toEqual(range);
  });
  it('is refused with a time of a flow that no flow has', () => {
    const text = cursorText(digest, range, { ...after, lastNs: 2n ** 63n });
    expect(() => readCursor(text, digest)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
  });
  it('has room for a thousand versions', () => {
    const filters = Array.from({ length: 1024 }, (_, index) => `${'filter'.padEnd(63, '-')}@${index}`).join(',');
    const text = cursorText(digest, range, { ...after, filters });
    expect(readCursor(FlowListQuery.parse({ cursor: text }).cursor!, digest).after.filters).toBe(filters);
  });
  it.each([
    ['another filter', ['udp', undefined, 'web']],
    ['another agent', ['tcp', 'host-1', 'web']],
    ['another version', ['tcp', undefined, undefined]],
    ['the same words in other places', ['tcp', 'web', undefined]],
  ])('is refused with %s', (_, query) => {
    expect(() => readCursor(cursorText(digest, range, after), queryDigest(query))).toThrow(
      expect.objectContaining({ code: 'REQUEST_INVALID', message: 'the cursor is of another query' }),
    );
  });
  it.each(['', '1.AAAA', 'e30', Buffer.from('[1,2]').toString('base64url')])(
    'is refused when it is none: %j',
    (text) => {
      expect(() => readCursor(text, digest)).toThrow(
        expect.objectContaining({ code: 'REQUEST_INVALID', message: 'the cursor is none of a list of flows' }),
      );
    },
  );
});
