import { BpfleetError } from '@bpfleet/errors';
import { type Section, type SectionOrigin, sectionOf } from '@bpfleet/section';
import { crc32 } from '@node-rs/crc32';
import { type Amount, noAmount } from '../../spool/amount.js';
import type { RecordHeader } from '../../spool/record-header.js';
import { completed, type LeftSection, STATE_BYTES } from './open-section.js';

/** What a process that was killed left behind. */
export interface Recovered {
  /** For the spool; undefined when sections that are there tell all of it. */
  readonly record: { readonly header: RecordHeader; readonly bytes: Uint8Array<ArrayBuffer> } | undefined;
  /** Packets read in that epoch. */
  readonly captured: number;
  /** Packets that were put into sections in that epoch, those of this one included. */
  readonly kept: number;
  /** Packets that could not be read back, of the open section: at most so many. */
  readonly lost: number;
  /** What of it is damaged, for the spool's count. Its packets are in `lost`. */
  readonly damaged: Amount;
}

/** The last record that the spool has of the epoch whose process was killed; undefined: none. */
export type LastRecord = Pick<RecordHeader, 'seq' | 'closed' | 'spooled'> | undefined;

/** Of how many packets nobody knows. */
export const DAMAGED_SECTION: Amount = { sections: 1, packets: 0, bytes: STATE_BYTES };
/** An enhanced packet block without data (draft-ietf-opsawg-pcapng, 4.3). */
const SMALLEST_PACKET_BYTES = 32;
const DAMAGED_FIGURES: Amount = { ...noAmount, bytes: STATE_BYTES };

type Facts = Pick<RecordHeader, 'agent' | 'boot' | 'closedAtMs'>;

/**
 * Makes a whole section of the one that was open, to be put into the spool under the epoch that it was captured in. Without a
 * packet it has the figures that no section before has told.
 */
export function recoverSection(left: LeftSection, last: LastRecord, origin: SectionOrigin, facts: Facts): Recovered {
  const damaged = left.areFiguresDamaged ? DAMAGED_FIGURES : noAmount;
  const nothing = { record: undefined, lost: 0, damaged };
  if (last !== undefined && last.seq >= left.seq)
    return { ...nothing, captured: Math.max(left.taken, last.closed.packets), kept: last.closed.packets };
  const { kept, taken } = left.told;
  try {
    const found = completed(left, origin, (packets) => ledgerOf(left, kept + packets));
    if (found === undefined)
      return { ...nothing, record: figuresOf(left, last, origin, facts), captured: left.taken, kept };
    const { bytes, section } = found;
    const record = { header: headerOf(left, last, facts, section, bytes), bytes };
    const all = kept + section.packets;
    return { ...nothing, record, captured: Math.max(left.taken, all), kept: all };
  } catch (error) {
    if (!(error instanceof BpfleetError)) throw error;
    // Not readable: the machine lost power while the kernel wrote it. How many there were only the counters know.
    // Or its end is damaged, and with it how many were read.
    const lost = Math.min(left.taken - taken, Math.floor(left.blocks.length / SMALLEST_PACKET_BYTES));
    const unreadable = { ...DAMAGED_SECTION, bytes: left.blocks.length };
    // Its figures tell of none that is lost: read and in no section would be what a filter left out. The next epoch tells of them.
    const record = figuresOf({ ...left, taken }, last, origin, facts);
    return { record, captured: taken + lost, kept, lost, damaged: unreadable };
  }
}

function figuresOf(left: LeftSection, last: LastRecord, origin: SectionOrigin, facts: Facts): Recovered['record'] {
  const { told, taken, leftOut, readAtMs } = left;
  if (taken === told.taken && leftOut.dropped === told.dropped) return undefined;
  const bytes = sectionOf(origin, ledgerOf(left, told.kept), new Uint8Array());
  const atNs = BigInt(Math.round(readAtMs || Date.now())) * 1_000_000n;
  const section = { packets: 0, tsMinNs: atNs, tsMaxNs: atNs, interfaces: [] };
  return { header: headerOf(left, last, facts, section, bytes), bytes };
}

const ledgerOf = ({ taken, leftOut }: LeftSection, kept: number): Record<string, string> => ({
  'kernel-dropped': String(leftOut.dropped),
  // Read is what was put into sections, whatever became of the figure.
  captured: String(Math.max(taken, kept)),
  kept: String(kept),
  'sampled-out': String(leftOut.sampledOut),
  'over-budget': String(leftOut.overBudget),
});

function headerOf(
  { epoch, seq }: LeftSection,
  last: LastRecord,
  facts: Facts,
  { packets, tsMinNs, tsMaxNs, interfaces }: Pick<Section, 'packets' | 'tsMinNs' | 'tsMaxNs' | 'interfaces'>,
  bytes: Uint8Array,
): RecordHeader {
  const versions = interfaces.flatMap(({ description }) => description?.split(',') ?? []);
  const grown = (tally: RecordHeader['closed'] | undefined) => ({
    sections: (tally?.sections ?? 0) + 1,
    packets: (tally?.packets ?? 0) + packets,
  });
  return {
    ...{ ...facts, epoch, seq, packets, tsMinNs, tsMaxNs },
    filters: [...new Set(versions)],
    crc32: crc32(bytes),
    closed: grown(last?.closed),
    spooled: grown(last?.spooled),
    positions: {},
    counters: {},
  };
}
