import { crc32 } from 'node:zlib';
import type { ReceivedRecord } from '@bpfleet/bus';
import { encodeRecordHeaders, MAX_RECORD_BYTES, type SectionHeader } from '@bpfleet/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeSection, NOW_MS, NOW_NS, recordOf } from '../testing/sections.js';
import { isPoison, type Judge, verifyRecord } from './verify-record.js';

/** Takes any section, as if its agent had signed it. */
const anybody = () => ({ sessionKey: 'a key' });

const good = makeSection({ agent: 'host-1', epoch: 2, seq: 7, filter: 'web@3', atNs: [NOW_NS, NOW_NS + 5n] });

/** The good record with some of it changed. */
const changed = (header: Partial<SectionHeader>, rest: Partial<ReceivedRecord> = {}): ReceivedRecord => {
  const value = rest.value ?? good.value;
  const headers = encodeRecordHeaders({ ...good.header, crc32: crc32(value), ...header });
  return { ...recordOf(good), headers, ...rest };
};
const { epoch: _, ...withoutEpoch } = recordOf(good).headers;
const cut = good.value.slice(0, -4);
const flipped = good.value.slice();
flipped[100]! ^= 1;
const twice = Buffer.concat([good.value, good.value]);

describe('verifyRecord', () => {
  it('accepts a section that is what its headers say', () => {
    const result = verifyRecord(recordOf(good), NOW_MS, anybody);
    expect(result).toMatchObject({ header: good.header, clockSuspect: false, section: { packets: 2 } });
    expect(result).toMatchObject({ sessionKey: 'a key' });
  });
  it('looks into nothing that nobody vouches for', () => {
    const nobody: Judge = () => ({ reason: 'unknown-key', detail: 'nobody' });
    const unreadable = changed({}, { value: new TextEncoder().encode('not a section at all') });
    expect(verifyRecord(unreadable, NOW_MS, nobody)).toEqual({ reason: 'unknown-key', detail: 'nobody' });
  });
  it('accepts a section without packets, which carries a ledger only', () => {
    const empty = makeSection({ agent: 'host-1', epoch: 2, seq: 8, filter: 'web@3', atNs: [] });
    const header = { ...empty.header, tsMinNs: NOW_NS, tsMaxNs: NOW_NS };
    expect(isPoison(verifyRecord(recordOf({ ...empty, header }), NOW_MS, anybody))).toBe(false);
  });

  it.each([
    ['a header is missing', 'headers', changed({}, { headers: withoutEpoch })],
    ['there are no headers', 'headers', changed({}, { headers: {} })],
    ['the format is another one', 'headers', changed({}, { headers: { ...recordOf(good).headers, fmt: '2' } })],
    ['an agent id would not fit a file name', 'headers', changed({ agent: '../host' }, { key: '../host' })],
    ['a number is more than a number can hold', 'headers', changed({ epoch: 2 ** 60 })],
    ['it is further on than any agent comes', 'headers', changed({ seq: 2 ** 40 + 1 })],
    ['the value is over the limit', 'too-large', changed({}, { value: new Uint8Array(MAX_RECORD_BYTES + 1) })],
    ['the key is another agent', 'key-mismatch', changed({}, { key: 'host-2' })],
    ['a bit of the value changed', 'crc-mismatch', { ...recordOf(good), value: flipped }],
    ['the value is empty', 'structure', changed({}, { value: new Uint8Array(0) })],
    ['the value is no pcapng', 'structure', changed({}, { value: new TextEncoder().encode('not a section at all') })],
    ['the section is cut', 'structure', changed({}, { value: cut })],
    ['there are two sections', 'structure', changed({}, { value: twice })],
    ['it holds fewer packets than said', 'packet-count', changed({ packets: 3 })],
    ['it begins earlier than said', 'time-range', changed({ tsMinNs: NOW_NS + 1n })],
    ['it ends later than said', 'time-range', changed({ tsMaxNs: NOW_NS })],
    ['its times go backwards', 'time-range', changed({ tsMinNs: NOW_NS + 5n, tsMaxNs: NOW_NS })],
    ['a version inside is not in the header', 'filters', changed({ filters: ['dns@1'] })],
    ['a version in the header is none', 'filters', changed({ filters: ['web@3', 'web'] })],
    ['a version in the header stands twice', 'filters', changed({ filters: ['web@3', 'web@3'] })],
  ])('refuses when %s', (_name, reason, record) => {
    expect(verifyRecord(record, NOW_MS, anybody)).toMatchObject({ reason });
  });

  it.each([
    ['30 days behind', -30n * 86_400n, true],
    ['a day behind', -86_400n, false],
    ['half an hour ahead', 1800n, false],
    ['more than an hour ahead', 3601n, true],
  ])('marks a clock %s: %s s, suspect: %s', (_name, seconds, clockSuspect) => {
    const atNs = [NOW_NS + seconds * 1_000_000_000n - 1n];
    const section = makeSection({ agent: 'host-1', epoch: 1, seq: 0, filter: 'web@3', atNs });
    expect(verifyRecord(recordOf(section), NOW_MS, anybody)).toMatchObject({ clockSuspect });
  });

  it('answers whatever bytes and headers come, with a detail that Postgres takes', () => {
    const anyBytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .tuple(fc.nat(good.value.length - 1), fc.nat(255))
        .map(([at, byte]) => good.value.slice().fill(byte, at, at + 1)),
    );
    fc.assert(
      fc.property(anyBytes, fc.dictionary(fc.string(), fc.string({ unit: 'binary' })), (value, headers) => {
        const record = { ...recordOf(good), value, headers: { ...changed({}, { value }).headers, ...headers } };
        const result = verifyRecord(record, NOW_MS, anybody);
        if (isPoison(result)) expect(result.detail).not.toMatch(/[\p{Cc}\p{Cs}]/u);
        else expect(result.section.packets).toBe(2);
      }),
      { numRuns: 500 },
    );
  });
});
