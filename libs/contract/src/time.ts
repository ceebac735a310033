import { BpfleetError } from '@bpfleet/errors';

const unitMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/**
 * Reads `10m`, `1h30m`, `500ms` as milliseconds.
 * @throws BpfleetError `REQUEST_INVALID`
 */
export function parseDurationMs(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g)];
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== text) {
    throw new BpfleetError('REQUEST_INVALID', `"${text}" is not a duration`, {
      hint: 'write it as 30s, 10m, 2h or 1d',
    });
  }
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * unitMs[unit!]!, 0);
}

/** `2026-11-22`, `2026-11-22T10:00:00.123456789Z`, `2026-11-22 10:00+01:00` */
const DATE_TIME =
  /^(?<date>\d{4}-\d{2}-\d{2})(?:[T ](?<clock>\d{2}:\d{2}(?::\d{2})?)(?:(?<=:..:..)\.(?<fraction>\d{1,9}))?(?:Z|(?<sign>[+-])(?<hours>\d{2}):?(?<minutes>\d{2}))?)?$/i;
/** Years of four digits: what ISO 8601 writes without an agreement. */
const [FIRST_MS, LAST_MS] = [Date.parse('0000-01-01T00:00:00Z'), Date.parse('9999-12-31T23:59:59.999Z')];

/**
 * Reads an instant as the API and the CLI take it: ISO 8601 down to nanoseconds, in UTC where it names no zone, `now`, or
 * relative to now: `-15m`, `15m` (both mean ago).
 * @returns Unix time in ns
 * @throws BpfleetError `REQUEST_INVALID`, also for a day that is in no calendar
 */
export function parseInstantNs(text: string, nowMs: number): bigint {
  if (text === 'now') return nsOfMs(nowMs);
  const isRelative = /^-?\d+(?:\.\d+)?(?:ms|[smhdw])/.test(text);
  const atNs = isRelative ? agoNs(nowMs, parseDurationMs(text.replace(/^-/, ''))) : dateTimeNs(text);
  if (atNs !== undefined) return atNs;
  throw new BpfleetError('REQUEST_INVALID', `"${text}" is not a time${isRelative ? ' of the years 0 to 9999' : ''}`, {
    hint: 'write it as -15m (ago), now, or 2026-11-22T10:00:00Z',
  });
}

const nsOfMs = (unixMs: number): bigint => BigInt(Math.round(unixMs)) * 1_000_000n;

function agoNs(nowMs: number, durationMs: number): bigint | undefined {
  const atMs = nowMs - durationMs;
  return atMs >= FIRST_MS && atMs <= LAST_MS ? nsOfMs(atMs) : undefined;
}

function dateTimeNs(text: string): bigint | undefined {
  const parts = DATE_TIME.exec(text)?.groups;
  if (!parts) return undefined;
  const { date, clock = '00:00', fraction = '', sign, hours = '00', minutes = '00' } = parts;
  const written = `${date}T${clock.length === 5 ? `${clock}:00` : clock}`;
  const utcMs = Date.parse(`${written}Z`);
  // Date.parse takes the 30th of February for the 2nd of March.
  const isInCalendar = !Number.isNaN(utcMs) && new Date(utcMs).toISOString().startsWith(written);
  if (!isInCalendar || Number(hours) > 23 || Number(minutes) > 59) return undefined;
  const eastMs = (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === '-' ? -1 : 1);
  return nsOfMs(utcMs - eastMs) + BigInt(fraction.padEnd(9, '0'));
}

/** ISO 8601 with nanoseconds, in UTC: what packet times are shown as. */
export function formatInstantNs(atNs: bigint): string {
  const ms = Number(atNs / 1_000_000n);
  const rest = (atNs % 1_000_000n).toString().padStart(6, '0');
  return new Date(ms).toISOString().replace('Z', `${rest}Z`);
}
