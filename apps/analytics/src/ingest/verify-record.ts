import type { ReceivedRecord } from '@bpfleet/bus';
import { decodeRecordHeaders, MAX_RECORD_BYTES, type SectionHeader } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { readSection, type Section } from '@bpfleet/section';
import { crc32 } from '@node-rs/crc32';
import { filtersOf, isVersionLabel } from '../filter-labels.js';
import { printable } from '../printable.js';

/** Why a record was put into quarantine instead of the store. A closed list: it is a metric's label. */
export const quarantineReasons = [
  'headers',
  'too-large',
  'key-mismatch',
  'crc-mismatch',
  'unknown-key',
  'revoked-key',
  'bad-signature',
  'structure',
  'packet-count',
  'time-range',
  'filters',
  'identity-conflict',
] as const;
export type QuarantineReason = (typeof quarantineReasons)[number];

/** A record whose section holds what its headers say. */
export interface VerifiedRecord {
  readonly header: SectionHeader;
  readonly section: Section;
  /** The key that signed it; undefined: nobody did. */
  readonly sessionKey: string | undefined;
  readonly clockSuspect: boolean;
}

/** A record that is not what it claims to be. */
export interface PoisonRecord {
  readonly reason: QuarantineReason;
  readonly detail: string;
}

export const isPoison = <T extends object>(result: T | PoisonRecord): result is PoisonRecord => 'reason' in result;

/** Says whose section it is: `SignatureJudge`. */
export type Judge = (
  header: SectionHeader,
  value: Uint8Array,
) => { readonly sessionKey: string | undefined } | PoisonRecord;

/** A packet time further off than this marks the section `clock-suspect` (design: "What crosses process borders"). */
const CLOCK_BEHIND_MS = 30 * 86_400_000;
const CLOCK_AHEAD_MS = 3_600_000;

/** The headers of a record, when they can be read: to prepare for the judgement of several. */
export function headerOf(record: ReceivedRecord): SectionHeader | undefined {
  const header = attempt('headers', () => decodeRecordHeaders(record.headers));
  return isPoison(header) ? undefined : header;
}

/**
 * Checks everything a reader of the store will rely on. Kafka's ACLs see neither keys nor headers, and kafkajs never
 * checks a CRC, so nothing is believed. Whatever the bytes are, this answers and does not throw.
 */
export function verifyRecord(record: ReceivedRecord, nowMs: number, judge: Judge): VerifiedRecord | PoisonRecord {
  const { value, key } = record;
  if (value.length > MAX_RECORD_BYTES) {
    return poison('too-large', `${value.length} bytes; a record has at most ${MAX_RECORD_BYTES}`);
  }
  const header = attempt('headers', () => decodeRecordHeaders(record.headers));
  if (isPoison(header)) return header;
  if (key !== header.agent) return poison('key-mismatch', `the key is not the agent ${header.agent}`);
  const checksum = crc32(value);
  if (checksum !== header.crc32) {
    return poison('crc-mismatch', `CRC-32 of the value is ${hex(checksum)}, the header says ${hex(header.crc32)}`);
  }
  // Before the bytes are looked into: what nobody vouches for is read no further.
  const vouched = judge(header, value);
  if (isPoison(vouched)) return poison(vouched.reason, vouched.detail);
  const section = attempt('structure', () => readSection(value));
  if (isPoison(section)) return section;
  const difference = differenceOf(header, section);
  return difference ?? { header, section, sessionKey: vouched.sessionKey, clockSuspect: isClockSuspect(header, nowMs) };
}

function differenceOf(header: SectionHeader, section: Section): PoisonRecord | undefined {
  if (section.packets !== header.packets) {
    return poison('packet-count', `${section.packets} packets, the header says ${header.packets}`);
  }
  // A section without packets carries a ledger only; its headers say when that was.
  const isEmpty = section.packets === 0;
  const { tsMinNs, tsMaxNs } = isEmpty ? header : section;
  if (header.tsMinNs > header.tsMaxNs || header.tsMaxNs > LAST_NS) {
    return poison('time-range', `from ${header.tsMinNs} to ${header.tsMaxNs} ns`);
  }
  if (tsMinNs !== header.tsMinNs || tsMaxNs !== header.tsMaxNs) {
    return poison(
      'time-range',
      `packets from ${tsMinNs} to ${tsMaxNs} ns, the headers say ${header.tsMinNs} to ${header.tsMaxNs}`,
    );
  }
  return filterDifference(header, section);
}

/** The store finds sections by the header's versions: one that stands only inside would never be found. */
function filterDifference(header: SectionHeader, section: Section): PoisonRecord | undefined {
  const wrong = header.filters.find((filter) => !isVersionLabel(filter));
  if (wrong !== undefined) return poison('filters', `"${wrong}" is not a filter version`);
  if (new Set(header.filters).size !== header.filters.length) return poison('filters', 'a filter version stands twice');
  for (const { description } of section.interfaces) {
    const hidden = filtersOf(description).find((filter) => !header.filters.includes(filter));
    if (hidden !== undefined) return poison('filters', `the header does not name ${hidden}, an interface does`);
  }
  return undefined;
}

/** What a signed 64-bit count of ns can say: the year 2262. */
const LAST_NS = 2n ** 63n - 1n;

function isClockSuspect({ tsMinNs, tsMaxNs }: SectionHeader, nowMs: number): boolean {
  const behindNs = BigInt(Math.trunc(nowMs - CLOCK_BEHIND_MS)) * 1_000_000n;
  const aheadNs = BigInt(Math.trunc(nowMs + CLOCK_AHEAD_MS)) * 1_000_000n;
  return tsMinNs < behindNs || tsMaxNs > aheadNs;
}

const MAX_DETAIL_LENGTH = 500;
const poison = (reason: QuarantineReason, detail: string): PoisonRecord => ({
  reason,
  detail: printable(detail, MAX_DETAIL_LENGTH),
});
const hex = (value: number): string => value.toString(16).padStart(8, '0');

function attempt<T extends object>(reason: QuarantineReason, read: () => T): T | PoisonRecord {
  try {
    return read();
  } catch (error) {
    // Anything else than our own refusal is a defect of the reader; the record waits in quarantine for the mended one.
    return poison(reason, error instanceof BpfleetError ? error.message : `the reader failed: ${String(error)}`);
  }
}
