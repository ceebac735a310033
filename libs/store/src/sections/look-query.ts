import type { CopyField } from '../copy/copy-decoder.js';
import { behind, type Cursor, type SectionOrder, sortingOf } from './section-query.js';
import { decodeSection, type StoredSection } from './stored-section.js';

/**
 * As `stepQuery`, those that pass the test among the next `lookedAt` of the range. The last row is the last of these, without a
 * body unless it is one of them: missing where the range has no more.
 * @param where without the test
 */
export function lookQuery(
  where: string,
  test: string,
  order: SectionOrder,
  cursor: Cursor | undefined,
  { limit, limitBytes, lookedAt }: { limit: number; limitBytes: number; lookedAt: number },
): string {
  const sorting = sortingOf(order);
  const rest = cursor ? `AND ${behind(order, cursor)}` : '';
  const isGiven = `passes AND passed <= ${limit} AND bytes_before < ${limitBytes}`;
  return `
    SELECT agent, epoch, seq, ts_min, ts_max, packets, dropped_by_kernel, CASE WHEN ${isGiven} THEN body END AS body, place
    FROM (
      SELECT *, row_number() OVER looked AS place, count(*) FILTER (WHERE passes) OVER looked AS passed,
        sum(bytes) FILTER (WHERE passes) OVER looked - bytes AS bytes_before
      FROM (
        SELECT *, ${test} AS passes FROM analytics.section WHERE ${where} ${rest} ORDER BY ${sorting} LIMIT ${lookedAt}
      ) AS next WINDOW looked AS (ORDER BY ${sorting} ROWS UNBOUNDED PRECEDING)
    ) AS step WHERE ${isGiven} OR place = ${lookedAt} ORDER BY place`;
}

/** A row of it: undefined is a section that is only to tell how far the look came. */
export function decodeLooked(
  order: SectionOrder,
  fields: readonly CopyField[],
): { readonly place: number; readonly tsNs: bigint; readonly section: StoredSection | undefined } {
  const [, , , tsMin, tsMax, , , body, place] = fields;
  return {
    place: Number(place!.readBigInt64BE()),
    tsNs: (order === 'newest' ? tsMax : tsMin)!.readBigInt64BE(),
    section: body === null ? undefined : decodeSection(fields),
  };
}
