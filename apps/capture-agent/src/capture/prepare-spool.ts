import { join } from 'node:path';
import { MappedFile } from '@bpfleet/linux';
import type { SectionOrigin } from '@bpfleet/section';
import type { Logger } from 'pino';
import type { DiskSpool } from '../spool/disk-spool.js';
import { SegmentWriter } from '../spool/segment-writer.js';
import { type LeftSection, OPEN_SECTION_FILE, OpenSection, type RingPosition } from './sections/open-section.js';
import { type Recovered, recoverSection } from './sections/recover-section.js';
import { SECTION_CAPACITY_BYTES } from './sections/section-assembler.js';

export interface PreparedSpool {
  /** Above all that are in the spool by now. */
  readonly firstSegment: number;
  /** Where the process before stood on sockets that may live on. */
  readonly positions: readonly RingPosition[];
  /** What the epoch before left behind, for the ledgers of this one. */
  readonly before: Readonly<Record<string, string>>;
  /** When the process before was last seen reading, Unix ms; undefined: there was none. */
  readonly aliveAtMs: number | undefined;
}

export interface SpoolFacts {
  readonly agent: string;
  readonly boot: number;
  readonly bootNowMs: () => number;
  readonly origin: SectionOrigin;
  readonly logger: Logger;
}

/** Puts the section that a killed process left open into the spool, and tells what else it left. */
export async function prepareSpool(folder: string, spool: DiskSpool, facts: SpoolFacts): Promise<PreparedSpool> {
  const file = MappedFile.open(join(folder, OPEN_SECTION_FILE), OpenSection.sizeBytes(SECTION_CAPACITY_BYTES));
  try {
    const left = new OpenSection(file.memory).left();
    if (left === undefined)
      return { firstSegment: spool.firstSegment, positions: [], before: {}, aliveAtMs: undefined };
    const { agent, boot, bootNowMs, origin } = facts;
    const recovered = recoverSection(left, spool.lastOf(left.epoch), origin, { agent, boot, closedAtMs: bootNowMs() });
    const firstSegment = append(folder, spool.firstSegment, recovered);
    await spool.refresh();
    const before = beforeOf(left, recovered);
    facts.logger.info(before, 'the agent process before left');
    return { firstSegment, positions: left.positions, before, aliveAtMs: left.aliveAtMs || undefined };
  } finally {
    file.close();
  }
}

function append(folder: string, firstSegment: number, { record }: Recovered): number {
  if (record === undefined) return firstSegment;
  const writer = new SegmentWriter({ folder, firstSegment });
  writer.append(record.header, record.bytes);
  writer.close();
  return firstSegment + 1;
}

const beforeOf = (left: LeftSection, { record, lost }: Recovered): Record<string, string> => ({
  'before-epoch': String(left.epoch),
  'before-captured': String(left.taken),
  'before-recovered': String(record?.header.packets ?? 0),
  'before-lost': String(lost),
  'before-alive-ms': String(left.aliveAtMs),
});
