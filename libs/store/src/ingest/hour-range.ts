import type { SectionRow } from '../rows.js';

type Bound = bigint | null;

/** Earliest and latest packet time of the sections, then the same of those whose host's clock was far off. */
export type HourRange = readonly [tsMin: Bound, tsMax: Bound, suspectTsMin: Bound, suspectTsMax: Bound];

/** @returns undefined when there is no section */
export function hourRange(sections: readonly SectionRow[]): HourRange | undefined {
  if (sections.length === 0) return undefined;
  const believed = sections.filter(({ clockSuspect }) => !clockSuspect);
  const suspect = sections.filter(({ clockSuspect }) => clockSuspect);
  return [...boundsOf(believed), ...boundsOf(suspect)];
}

function boundsOf(sections: readonly SectionRow[]): readonly [Bound, Bound] {
  let [min, max]: [Bound, Bound] = [null, null];
  for (const { tsMinNs, tsMaxNs } of sections) {
    if (min === null || tsMinNs < min) min = tsMinNs;
    if (max === null || tsMaxNs > max) max = tsMaxNs;
  }
  return [min, max];
}
