import { describe, expect, it } from 'vitest';
import { formatInstantNs, parseDurationMs, parseInstantNs } from './time.js';

const NOW_MS = Date.parse('2026-11-22T10:00:00.250Z');
const shown = (text: string) => formatInstantNs(parseInstantNs(text, NOW_MS));

describe('an instant', () => {
  it.each([
    ['now', '2026-11-22T10:00:00.250000000Z'],
    ['-15m', '2026-11-22T09:45:00.250000000Z'],
    ['1h30m', '2026-11-22T08:30:00.250000000Z'],
    ['-99999d', '1753-02-07T10:00:00.250000000Z'],
    ['2026-11-22', '2026-11-22T00:00:00.000000000Z'],
    ['2026-11-22T10:00Z', '2026-11-22T10:00:00.000000000Z'],
    ['2026-11-22T10:00:01.1Z', '2026-11-22T10:00:01.100000000Z'],
    ['2026-11-22T10:00:01.174358342Z', '2026-11-22T10:00:01.174358342Z'],
    ['2026-11-22T10:00:01.000000001+01:30', '2026-11-22T08:30:01.000000001Z'],
    ['2026-11-22t23:30:00-0100', '2026-11-23T00:30:00.000000000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000000000Z'],
  ])('is read to the nanosecond: %s', (text, expected) => {
    expect(shown(text)).toBe(expected);
  });
  it('without a zone is in UTC, wherever it is read', () => {
    expect(shown('2026-11-22 10:00:01')).toBe('2026-11-22T10:00:01.000000000Z');
  });
  it.each([
    ...['2026-02-30', '2026-02-29', '2026-13-01', '2026-00-10', '2026-11-22T24:00Z', '2026-11-22T10:60Z'],
    ...['2026-11-22T10:00:60Z', '2026-11-22T10:00.5Z', '2026-11-22T10:00:00.1234567890Z', '2026-11-22T10:00+24:00'],
    ...['-999999999d', '9'.repeat(60).concat('w'), 'yesterday', '', '2026-11-22T', '20261122', '2026-11-22Z', '-5x'],
  ])('is none: %s', (text) => {
    expect(() => parseInstantNs(text, NOW_MS)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
  });
});

describe('a duration', () => {
  it('adds up its parts', () => {
    expect(parseDurationMs('1h30m5s10ms')).toBe(5_405_010);
  });
  it.each(['', '5', 'm', '5 m', '-5m', '5m!'])('is none: %s', (text) => {
    expect(() => parseDurationMs(text)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
  });
});
