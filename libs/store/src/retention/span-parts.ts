import { HOUR_NS, MINUTE_NS } from '../flows/flow-row.js';

/** The hour of packet time that a time in Unix ns is in: rows whose last packets share it make one span. */
export const hourOf = (ns: string): string => `(${ns} / ${HOUR_NS})`;

/**
 * Common tables that end in `parts`: the rows of `spans` (ingested_from, agent, ts_min, ts_max, rows, bytes), of which those
 * that are less than a minute apart became one. Where that leaves more than `most` of one ingest time and agent, the widest
 * gaps between them stay: no packet that went is outside of the parts, and few that did not are inside. A difference is
 * numeric: a time may be the last that a bigint has.
 */
export const spanParts = (most: number): string => `
  gapped AS (
    SELECT *, ts_min::numeric - max(ts_max) OVER (
      PARTITION BY ingested_from, agent ORDER BY ts_min ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS gap FROM spans
  ), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY ingested_from, agent ORDER BY gap DESC NULLS LAST) AS place FROM gapped
  ), numbered AS (
    SELECT *, count(*) FILTER (WHERE gap > ${MINUTE_NS} AND place < ${most})
      OVER (PARTITION BY ingested_from, agent ORDER BY ts_min) AS number FROM ranked
  ), parts AS (
    SELECT ingested_from, agent, min(ts_min) AS ts_min, max(ts_max) AS ts_max, sum(rows) AS rows, sum(bytes) AS bytes
    FROM numbered GROUP BY ingested_from, agent, number
  )`;
