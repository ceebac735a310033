import { BpfleetError } from '@bpfleet/errors';
import type { SectionOrigin } from '@bpfleet/section';
import { crc32 } from '@node-rs/crc32';
import type { RecordHeader } from '../../spool/record-header.js';
import { completed, type LeftSection } from './open-section.js';

/** What a process that was killed left behind. */
export interface Recovered {
  /** For the spool; undefined when there was no packet, or the section is there already. */
  readonly record: { readonly header: RecordHeader; readonly bytes: Uint8Array<ArrayBuffer> } | undefined;
  /** Packets that could not be read back, of the open section. */
  readonly lost: number;
}

/** The last record that the spool has of the epoch whose process was killed; undefined: none. */
export type LastRecord = Pick<RecordHeader, 'seq' | 'closed' | 'spooled'> | undefined;

/** Makes a whole section of the one that was open, to be put into the spool under the epoch that it was captured in. */
export function recoverSection(
  left: LeftSection,
  last: LastRecord,
  origin: SectionOrigin,
  facts: Pick<RecordHeader, 'agent' | 'boot' | 'closedAtMs'>,
): Recovered {
  if (last !== undefined && last.seq >= left.seq) return { record: undefined, lost: 0 };
  try {
    const found = completed(left, origin, { captured: String(left.taken) });
    if (found === undefined) return { record: undefined, lost: 0 };
    return { record: recordOf(left, last, facts, found), lost: 0 };
  } catch (error) {
    if (!(error instanceof BpfleetError)) throw error;
    // Not readable: the machine lost power while the kernel wrote it. How many there were only the counters know.
    return { record: undefined, lost: Math.max(0, left.taken - (last?.closed.packets ?? 0)) };
  }
}

function recordOf(
  left: LeftSection,
  last: LastRecord,
  facts: Pick<RecordHeader, 'agent' | 'boot' | 'closedAtMs'>,
  { bytes, section }: NonNullable<ReturnType<typeof completed>>,
): Recovered['record'] {
  const { packets, tsMinNs, tsMaxNs, interfaces } = section;
  const versions = interfaces.flatMap(({ description }) => description?.split(',') ?? []);
  const grown = (tally: RecordHeader['closed'] | undefined) => ({
    sections: (tally?.sections ?? 0) + 1,
    packets: (tally?.packets ?? 0) + packets,
  });
  const header: RecordHeader = {
    ...facts,
    epoch: left.epoch,
    seq: left.seq,
    packets,
    tsMinNs,
    tsMaxNs,
    filters: [...new Set(versions)],
    crc32: crc32(bytes),
    closed: grown(last?.closed),
    spooled: grown(last?.spooled),
    positions: {},
    counters: {},
  };
  return { header, bytes };
}
