import { join } from 'node:path';

/** A place in the spool: between two records of a segment, or at one of its ends. */
export interface SpoolPlace {
  readonly segment: number;
  readonly offset: number;
}

/** Each segment costs a file made, synced by name and deleted; what was sent frees its disk only as a whole one. */
export const SEGMENT_BYTES = 2 * 1024 * 1024;

export const segmentFile = (folder: string, segment: number): string =>
  join(folder, `${String(segment).padStart(8, '0')}.seg`);

/** The number in a segment's name; undefined for files that are none. */
export function segmentOf(name: string): number | undefined {
  const [, digits] = /^(\d{8,15})\.seg$/.exec(name) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

export const isBefore = (a: SpoolPlace, b: SpoolPlace): boolean =>
  a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset);

export const laterOf = (a: SpoolPlace, b: SpoolPlace): SpoolPlace => (isBefore(a, b) ? b : a);
