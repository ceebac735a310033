import { hourOf } from './span-parts.js';

/**
 * Writes `parts` (see `spanParts`) to what is not retained. What of the same hour of packet time goes later widens the part that
 * ended there: rows of quarantine go a few at a time.
 * @param spanMs of ingest, from `ingested_from` on
 */
export const noteParts = (of: string, spanMs: number, reason: 'age' | 'size'): string => `
  INSERT INTO analytics.not_retained AS n
    (class, ingested_from, ingested_to, agent, ts_min, ts_max, rows, bytes, reason)
  SELECT '${of}', ingested_from, ingested_from + ${spanMs} * interval '1 millisecond', agent, ts_min, ts_max, rows, bytes,
    '${reason}' FROM parts
  ON CONFLICT (class, ingested_from, agent, ${hourOf('ts_max')}) DO UPDATE SET
    ts_min = LEAST(n.ts_min, excluded.ts_min), ts_max = GREATEST(n.ts_max, excluded.ts_max),
    rows = n.rows + excluded.rows, bytes = n.bytes + excluded.bytes, given_up_at = now()`;
