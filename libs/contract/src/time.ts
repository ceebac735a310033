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

/**
 * Reads an instant as the API and the CLI take it: ISO 8601, `now`, or relative to now: `-15m`, `15m` (both mean ago).
 * @returns Unix time in ms
 * @throws BpfleetError `REQUEST_INVALID`
 */
export function parseInstantMs(text: string, nowMs: number): number {
  if (text === 'now') return nowMs;
  if (/^-?\d+(?:\.\d+)?(?:ms|[smhdw])/.test(text)) return nowMs - parseDurationMs(text.replace(/^-/, ''));
  const parsed = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(parsed)) {
    throw new BpfleetError('REQUEST_INVALID', `"${text}" is not a time`, {
      hint: 'write it as -15m (ago), now, or 2026-11-22T10:00:00Z',
    });
  }
  return parsed;
}

/** ISO 8601 with nanoseconds, in UTC: what packet times are shown as. */
export function formatInstantNs(atNs: bigint): string {
  const ms = Number(atNs / 1_000_000n);
  const rest = (atNs % 1_000_000n).toString().padStart(6, '0');
  return new Date(ms).toISOString().replace('Z', `${rest}Z`);
}
