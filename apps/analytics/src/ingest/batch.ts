import type { ReceivedRecord } from '@bpfleet/bus';
import type { FlowRow, IngestBatch, QuarantineRow, SectionRow } from '@bpfleet/store';
import { countersOf } from '../ledger/section-counters.js';
import { printable } from '../printable.js';
import { IndexedSections } from '../pruning/indexed-sections.js';
import type { DropCounters } from './drop-counters.js';
import { FlowTable } from './flow-table.js';
import { isPoison, type Judge, type PoisonRecord, type VerifiedRecord, verifyRecord } from './verify-record.js';

/** The rows that a run of consecutive records becomes. */
export type PreparedBatch = Pick<IngestBatch, 'sections' | 'quarantined' | 'flowsOf'>;

/**
 * Verifies and dissects everything before the transaction begins, so that it holds its locks for the writing only.
 * @param judge says whose sections they are
 * @param drops what is known of the agents' counters; remembers what these records say
 */
export function prepareBatch(
  records: readonly ReceivedRecord[],
  nowMs: number,
  drops: DropCounters,
  judge: Judge,
): PreparedBatch {
  const indexes = new IndexedSections();
  const verified: VerifiedRecord[] = [];
  const sections: SectionRow[] = [];
  const quarantined: QuarantineRow[] = [];
  for (const record of records) {
    const result = verifyRecord(record, nowMs, judge);
    if (isPoison(result)) {
      quarantined.push(quarantineRow(record, result));
      continue;
    }
    verified.push(result);
    sections.push({ ...sectionRow(record, result, drops), index: indexes.indexOf(result.section, record.value) });
  }
  const flowsOfAll = flowsIn(verified, sections);
  const flowsOf = (stored: readonly SectionRow[]): readonly FlowRow[] => {
    if (stored.length === sections.length) return flowsOfAll;
    // A redelivery, and rare: what was stored before has its flows already.
    const isStored = new Set(stored);
    const kept = sections.map((section) => isStored.has(section));
    return flowsIn(
      verified.filter((_, index) => kept[index]),
      sections.filter((_, index) => kept[index]),
    );
  };
  return { sections, quarantined, flowsOf };
}

function flowsIn(verified: readonly VerifiedRecord[], sections: readonly SectionRow[]): FlowRow[] {
  const flows = new FlowTable();
  verified.forEach(({ header, section }, index) => {
    flows.add(header.agent, section, sections[index]!.body);
  });
  return flows.rows();
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

/** A header's text is kept this long; the rest of it is of no use to whoever looks into the quarantine. */
const MAX_HEADER_LENGTH = 4096;
const MAX_HEADERS = 64;

function quarantineRow(record: ReceivedRecord, { reason, detail }: PoisonRecord): QuarantineRow {
  const headers = Object.entries(record.headers)
    .slice(0, MAX_HEADERS)
    .map(([name, value]) => [printable(name, MAX_HEADER_LENGTH), printable(value, MAX_HEADER_LENGTH)]);
  return {
    offset: record.offset,
    reason,
    detail,
    key: printable(record.key, MAX_HEADER_LENGTH),
    headers: Object.fromEntries(headers),
    body: record.value,
  };
}
