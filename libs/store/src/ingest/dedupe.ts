import type { SectionRow } from '../rows.js';

/** What one transaction adds to one agent's epoch. */
export interface EpochAdvance {
  readonly agent: string;
  readonly epoch: number;
  readonly seqs: ReadonlySet<number>;
  readonly firstNs: bigint;
  readonly sessionKey: string | undefined;
}

/**
 * The advances of sections that one key per epoch signed (`oneKeyEach`), sorted by agent and epoch: whoever locks rows
 * locks them in this order.
 */
export function advancesOf(sections: readonly SectionRow[]): EpochAdvance[] {
  const advances = new Map<
    string,
    Omit<EpochAdvance, 'seqs'> & { seqs: Set<number>; firstNs: bigint; sessionKey: string | undefined }
  >();
  for (const { agent, epoch, seq, tsMinNs, sessionKey } of sections) {
    const key = `${agent} ${epoch}`;
    const found = advances.get(key);
    if (!found) {
      advances.set(key, { agent, epoch, seqs: new Set([seq]), firstNs: tsMinNs, sessionKey });
      continue;
    }
    found.seqs.add(seq);
    found.sessionKey ??= sessionKey;
    if (tsMinNs < found.firstNs) found.firstNs = tsMinNs;
  }
  return [...advances.values()].sort((a, b) => compare(a.agent, b.agent) || a.epoch - b.epoch);
}

/**
 * Takes the sections of the first key of each epoch, and those without one.
 * @returns them, and the others, which another transaction or the database has to decide about
 */
export function oneKeyEach(sections: readonly SectionRow[]): { first: SectionRow[]; others: SectionRow[] } {
  const keys = new Map<string, string>();
  const first: SectionRow[] = [];
  const others: SectionRow[] = [];
  for (const section of sections) {
    const { agent, epoch, sessionKey } = section;
    const key = `${agent} ${epoch}`;
    if (sessionKey !== undefined && !keys.has(key)) keys.set(key, sessionKey);
    (sessionKey === undefined || keys.get(key) === sessionKey ? first : others).push(section);
  }
  return { first, others };
}

// Agent ids are ASCII: this is the order of collation "C".
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** `{[3,6),[9,10)}`: an int8multirange of whole numbers, adjacent ones joined. */
export function toMultirange(seqs: Iterable<number>): string {
  const sorted = [...seqs].sort((a, b) => a - b);
  const ranges: string[] = [];
  for (let start = 0; start < sorted.length; ) {
    let end = start + 1;
    while (end < sorted.length && sorted[end] === sorted[end - 1]! + 1) end++;
    ranges.push(`[${sorted[start]},${sorted[end - 1]! + 1})`);
    start = end;
  }
  return `{${ranges.join(',')}}`;
}

/** The reverse of `toMultirange`; Postgres always answers `[from,to)`. */
export function fromMultirange(text: string): number[] {
  const seqs: number[] = [];
  for (const [, from, to] of text.matchAll(/\[(\d+),(\d+)\)/g)) {
    for (let seq = Number(from); seq < Number(to); seq++) seqs.push(seq);
  }
  return seqs;
}

export const sectionKey = (section: { agent: string; epoch: number; seq: number }): string =>
  `${section.agent} ${section.epoch} ${section.seq}`;

export interface Sorted {
  readonly fresh: readonly SectionRow[];
  readonly duplicates: readonly SectionRow[];
  /** The same identity, other bytes. */
  readonly conflicts: readonly SectionRow[];
}

/**
 * Tells new sections from those that arrived before, in this batch or in an earlier one.
 * @param stored CRC of each section stored earlier, by `sectionKey`; undefined where retention has removed it meanwhile
 */
export function sortOut(sections: readonly SectionRow[], stored: ReadonlyMap<string, number | undefined>): Sorted {
  const fresh: SectionRow[] = [];
  const duplicates: SectionRow[] = [];
  const conflicts: SectionRow[] = [];
  const known = new Map(stored);
  for (const section of sections) {
    const key = sectionKey(section);
    if (!known.has(key)) {
      known.set(key, section.crc32);
      fresh.push(section);
      continue;
    }
    const crc32 = known.get(key);
    (crc32 === undefined || crc32 === section.crc32 ? duplicates : conflicts).push(section);
  }
  return { fresh, duplicates, conflicts };
}
