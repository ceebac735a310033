import type { ReceivedRecord } from '@bpfleet/bus';
import { MAX_FILTERS_CHARACTERS } from '@bpfleet/contract';
import type { Section } from '@bpfleet/section';
import { type IngestBatch, LoopShare, type QuarantineRow, type SectionRow } from '@bpfleet/store';
import { countersOf } from '../ledger/section-counters.js';
import { printable } from '../printable.js';
import { IndexedSections } from '../pruning/indexed-sections.js';
import type { DropCounters } from './drop-counters.js';
import {
  headerOf,
  isPoison,
  type Judge,
  type PoisonRecord,
  type VerifiedRecord,
  verifyRecord,
} from './verify-record.js';

/** The rows that a run of consecutive records becomes. */
export interface PreparedBatch extends Pick<IngestBatch, 'sections' | 'quarantined'> {
  /** What was read of each section while it was verified: its flows are made later. */
  readonly described: ReadonlyMap<SectionRow, Section>;
}

/**
 * Verifies and indexes everything before the transaction begins, so that it holds its locks for the writing only.
 * @param judge says whose sections they are
 * @param drops what is known of the agents' counters; remembers what these records say
 */
export async function prepareBatch(
  records: readonly ReceivedRecord[],
  nowMs: number,
  drops: DropCounters,
  judge: Judge,
): Promise<PreparedBatch> {
  const share = new LoopShare();
  const indexes = new IndexedSections();
  const described = new Map<SectionRow, Section>();
  const sections: SectionRow[] = [];
  const quarantined: QuarantineRow[] = [];
  for (const record of records) {
    await share.next();
    const result = verifyRecord(record, nowMs, judge);
    if (isPoison(result)) {
      quarantined.push(quarantineRow(record, result));
      continue;
    }
    const row = { ...sectionRow(record, result, drops), index: indexes.indexOf(result.section, record.value) };
    sections.push(row);
    described.set(row, result.section);
  }
  return { sections, quarantined, described };
}

function sectionRow(record: ReceivedRecord, verified: VerifiedRecord, drops: DropCounters): SectionRow {
  const { header, section, sessionKey, clockSuspect } = verified;
  return {
    ...header,
    offset: record.offset,
    droppedByKernel: drops.since(header, section),
    counters: countersOf(section),
    sessionKey,
    clockSuspect,
    body: record.value,
  };
}

/** A valid record's headers are kept whole: it is published again. One that is too long stays so, and does not become valid. */
const MAX_HEADER_LENGTH = MAX_FILTERS_CHARACTERS + 1;
const MAX_HEADERS = 64;
const MAX_KEY_LENGTH = 4096;

/** Under the agent that key and headers agree on, believed or not: that is where a damaged record of it is looked for. */
function quarantineRow(record: ReceivedRecord, { reason, detail }: PoisonRecord): QuarantineRow {
  const agent = headerOf(record)?.agent;
  const headers = Object.entries(record.headers)
    .slice(0, MAX_HEADERS)
    .map(([name, value]) => [printable(name, MAX_HEADER_LENGTH), printable(value, MAX_HEADER_LENGTH)]);
  return {
    offset: record.offset,
    reason,
    detail,
    ...(agent === record.key ? { agent } : {}),
    key: printable(record.key, MAX_KEY_LENGTH),
    headers: Object.fromEntries(headers),
    body: record.value,
  };
}
