import type { SectionOrder } from '@bpfleet/store';

export interface Timed {
  readonly atNs: bigint;
}

/** Where a packet stands: by its time, then by its section, in the order in which sections come. */
export interface Place extends Timed {
  readonly section: number;
}

export type IsBefore = (a: Place, b: Place) => boolean;

export const isBefore: Readonly<Record<SectionOrder, IsBefore>> = {
  oldest: (a, b) => (a.atNs === b.atNs ? a.section < b.section : a.atNs < b.atNs),
  newest: (a, b) => (a.atNs === b.atNs ? a.section < b.section : a.atNs > b.atNs),
};
