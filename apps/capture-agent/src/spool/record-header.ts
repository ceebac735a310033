import type { SectionHeader } from '@bpfleet/contract';

/** How far a socket's ring was read: sequence number of the block, and how many of its packets were taken. */
export interface RingPosition {
  readonly blockSequence: number;
  readonly packets: number;
}

/** Packets and the sections they are in. */
export interface Tally {
  readonly sections: number;
  readonly packets: number;
}

/** What the capture thread knows of a section that it closed. */
export interface ClosedSectionFacts extends Omit<SectionHeader, 'agent' | 'epoch'> {
  /** Per socket number, behind the section's last packet: where a successor goes on. */
  readonly positions?: Readonly<Record<number, RingPosition>>;
  /** The ledger as of this section: cumulative, by name. */
  readonly counters?: Readonly<Record<string, number>>;
}

/** What a record of the spool says of its section. */
export interface RecordHeader extends SectionHeader, ClosedSectionFacts {
  /** When the section was closed, on the clock of `boot`; ages are told by it, because wall clocks jump. */
  readonly closedAtMs: number;
  /** Which boot of the machine that clock belongs to. */
  readonly boot: number;
  /** All sections of the epoch up to this one. */
  readonly closed: Tally;
  /** Those of them that went to disk: a record that is missing shows in its neighbours. */
  readonly spooled: Tally;
}

/** JSON with times as decimal strings. Arrays instead of objects where there is one per section or socket. */
export function encodeHeader(header: RecordHeader): string {
  return JSON.stringify({
    agent: header.agent,
    epoch: header.epoch,
    seq: header.seq,
    tsMinNs: String(header.tsMinNs),
    tsMaxNs: String(header.tsMaxNs),
    packets: header.packets,
    filters: header.filters,
    crc32: header.crc32,
    closedAtMs: header.closedAtMs,
    boot: header.boot,
    closed: [header.closed.sections, header.closed.packets],
    spooled: [header.spooled.sections, header.spooled.packets],
    positions: header.positions && pairs(header.positions),
    counters: header.counters,
  });
}

function pairs(positions: Readonly<Record<number, RingPosition>>): Record<string, readonly [number, number]> {
  const entries = Object.entries(positions);
  return Object.fromEntries(entries.map(([socket, { blockSequence, packets }]) => [socket, [blockSequence, packets]]));
}

/** Undefined for anything that `encodeHeader` does not write. Never throws: its checksum may fit by chance. */
export function decodeHeader(text: string): RecordHeader | undefined {
  const fields = parsed(text);
  if (fields === undefined) return undefined;
  const { agent, epoch, seq, tsMinNs, tsMaxNs, packets, filters, crc32, closedAtMs, boot, counters } = fields;
  const closed = tally(fields.closed);
  const spooled = tally(fields.spooled);
  const positions = fields.positions === undefined ? {} : ringPositions(fields.positions);
  if (typeof agent !== 'string' || agent === '') return undefined;
  if (!isCount(epoch) || !isCount(seq) || !isCount(packets) || !isCount(crc32) || !isCount(boot)) return undefined;
  if (!isDecimal(tsMinNs) || !isDecimal(tsMaxNs) || !isTime(closedAtMs)) return undefined;
  if (!isListOfText(filters) || (counters !== undefined && !isNumbersByName(counters))) return undefined;
  if (closed === undefined || spooled === undefined || positions === undefined) return undefined;
  // One literal: to put it together of spreads costs more than everything else here.
  const header: { -readonly [Field in keyof RecordHeader]: RecordHeader[Field] } = {
    agent,
    epoch,
    seq,
    tsMinNs: BigInt(tsMinNs),
    tsMaxNs: BigInt(tsMaxNs),
    packets,
    filters,
    crc32,
    closedAtMs,
    boot,
    closed,
    spooled,
  };
  if (fields.positions !== undefined) header.positions = positions;
  if (counters !== undefined) header.counters = counters;
  return header;
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    // Not JSON: not a header of ours.
    return undefined;
  }
}

function tally(value: unknown): Tally | undefined {
  const pair = pairOfCounts(value);
  return pair && { sections: pair[0], packets: pair[1] };
}

function ringPositions(value: unknown): Record<number, RingPosition> | undefined {
  if (!isObject(value)) return undefined;
  const positions: Record<number, RingPosition> = {};
  for (const [socket, place] of Object.entries(value)) {
    const pair = pairOfCounts(place);
    if (pair === undefined || !/^\d{1,15}$/.test(socket)) return undefined;
    positions[Number(socket)] = { blockSequence: pair[0], packets: pair[1] };
  }
  return positions;
}

function pairOfCounts(value: unknown): readonly [number, number] | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [first, second] = value as unknown[];
  return isCount(first) && isCount(second) ? [first, second] : undefined;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
// JSON has numbers that JavaScript has not: 1e999 is read as Infinity.
const isTime = (value: unknown): value is number => Number.isFinite(value) && (value as number) >= 0;
const isDecimal = (value: unknown): value is string => typeof value === 'string' && /^\d{1,20}$/.test(value);
const isListOfText = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');
const isNumbersByName = (value: unknown): value is Record<string, number> =>
  isObject(value) && Object.values(value).every((item) => Number.isFinite(item));
