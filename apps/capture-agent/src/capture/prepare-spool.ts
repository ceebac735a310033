import { BpfleetError } from '@bpfleet/errors';
import type { SectionOrigin } from '@bpfleet/section';
import type { Logger } from 'pino';
import { noAmount } from '../spool/amount.js';
import type { DiskSpool } from '../spool/disk-spool.js';
import { SegmentWriter } from '../spool/segment-writer.js';
import { KEPT_TIMES_FILE, KeptTimes } from './ring/kept-times.js';
import { keptMemory } from './sections/kept-memory.js';
import {
  type LeftSection,
  OPEN_SECTION_FILE,
  OpenSection,
  type RingPosition,
  type UnreadableSection,
} from './sections/open-section.js';
import { openSectionFile } from './sections/open-section-file.js';
import { DAMAGED_SECTION, type Recovered, recoverSection } from './sections/recover-section.js';

export interface PreparedSpool {
  /** Above all that are in the spool by now. */
  readonly firstSegment: number;
  /** Where the process before stood on sockets that may live on. */
  readonly positions: readonly RingPosition[];
  /** What the epoch before left behind, for the ledgers of this one. */
  readonly before: Readonly<Record<string, string>>;
  /** When a process before last read its rings to their ends, Unix ms; undefined: there was none that did. */
  readonly readAtMs: number | undefined;
  /** There was one, and what told it is damaged: `readAtMs` is the newest packet that is left of it, or nothing. */
  readonly isReadAtLost?: true;
  /** The section that was left, where the disk does not take it. */
  readonly refused?: { readonly record: NonNullable<Recovered['record']>; readonly error: BpfleetError };
}

export interface SpoolFacts {
  readonly agent: string;
  readonly boot: number;
  readonly bootNowMs: () => number;
  readonly origin: SectionOrigin;
  readonly logger: Logger;
}

/** Where there has to be something. */
const NOTHING_LEFT: UnreadableSection = { isReadable: false, positions: [], readAtMs: 0 };

/** Puts the section that a killed process left open into the spool, and tells what else it left. */
export async function prepareSpool(folder: string, spool: DiskSpool, facts: SpoolFacts): Promise<PreparedSpool> {
  const file = openSectionFile(folder);
  const { agent, boot, bootNowMs, origin, logger } = facts;
  spool.mapped(OPEN_SECTION_FILE, file.trouble);
  if (file.trouble)
    logger.error({ err: file.trouble, folder }, 'the open section has no file: a kill -9 would lose it');
  const times = keptMemory(folder, KEPT_TIMES_FILE, KeptTimes.sizeBytes);
  const { damagedBytes } = new KeptTimes(times.memory);
  times.close();
  if (damagedBytes > 0) {
    spool.foundDamaged({ ...noAmount, bytes: damagedBytes });
    logger.error(
      { folder },
      'take-overs are damaged: one that was under way may lose or double packets; check the disk',
    );
  }
  spool.mapped(KEPT_TIMES_FILE, times.trouble);
  if (times.trouble)
    logger.error(
      { err: times.trouble, folder },
      'take-overs have no file: a kill -9 during one loses or doubles packets',
    );
  try {
    const left = new OpenSection(file.memory).left() ?? (spool.hadOpenSection ? NOTHING_LEFT : undefined);
    if (left === undefined) {
      return { firstSegment: spool.firstSegment, positions: [], before: beforeInMemory(spool), readAtMs: undefined };
    }
    const { positions, readAtMs } = left;
    const { newestPacketAtMs } = spool;
    if (!left.isReadable) {
      spool.foundDamaged(DAMAGED_SECTION);
      logger.error(
        { folder },
        'the section that the agent process before left open is damaged, and lost; check the disk',
      );
      const readAt = readAtOf({ readAtMs, isDamaged: true }, newestPacketAtMs);
      return { firstSegment: spool.firstSegment, before: beforeInMemory(spool), positions, ...readAt };
    }
    const recovered = recoverSection(left, spool.lastOf(left.epoch), origin, { agent, boot, closedAtMs: bootNowMs() });
    spool.foundDamaged(recovered.damaged);
    const appended = append(folder, spool.firstSegment, recovered);
    await spool.refresh();
    const before = {
      ...beforeOf(left, recovered),
      'before-given-up': String(spool.givenUpOf(left.epoch).packets),
      ...beforeInMemory(spool),
    };
    logger.info(before, 'the agent process before left');
    if (recovered.damaged !== noAmount)
      logger.error({ folder, ...before }, 'what the agent process before left open is damaged; check the disk');
    const recoveredAtMs = recovered.record?.header.packets ? msOf(recovered.record.header.tsMaxNs) : newestPacketAtMs;
    const readAt = readAtOf({ readAtMs, isDamaged: left.areFiguresDamaged }, recoveredAtMs);
    return { ...appended, before, positions, ...readAt };
  } finally {
    file.close();
  }
}

const msOf = (ns: bigint): number => Number(ns / 1_000_000n);

/** Where nobody knows: what came behind the newest packet was in the open section, if anywhere. */
function readAtOf(
  { readAtMs, isDamaged }: { readonly readAtMs: number; readonly isDamaged: boolean },
  newestPacketAtMs: number | undefined,
): Pick<PreparedSpool, 'readAtMs' | 'isReadAtLost'> {
  if (readAtMs > 0) return { readAtMs };
  return isDamaged ? { readAtMs: newestPacketAtMs, isReadAtLost: true } : { readAtMs: undefined };
}

/**
 * Notes whether the process after this one has to find an open section: not before a source has begun one, nor once that has
 * ended in order and nothing is left of it, whatever became of the file.
 */
export function noteOpenSection(folder: string, spool: DiskSpool): void {
  const file = openSectionFile(folder);
  spool.hadOpenSection = new OpenSection(file.memory).left() !== undefined;
  file.close();
}

function append(
  folder: string,
  firstSegment: number,
  { record }: Recovered,
): Pick<PreparedSpool, 'firstSegment' | 'refused'> {
  if (record === undefined) return { firstSegment };
  const writer = new SegmentWriter({ folder, firstSegment });
  const refused = refusalOf(() => writer.append(record.header, record.bytes));
  writer.close();
  // After a refusal often the same one again: readers do not go on behind a number that is missing.
  return { firstSegment: writer.nextSegment, ...(refused ? { refused: { record, error: refused } } : {}) };
}

function refusalOf(append: () => void): BpfleetError | undefined {
  try {
    append();
    return undefined;
  } catch (error) {
    if (error instanceof BpfleetError) return error;
    throw error;
  }
}

/** Not in `before-lost`: there are sections of these, with numbers that whoever stores them will miss. */
function beforeInMemory({ lostInMemory: { packets } }: DiskSpool): Record<string, string> {
  return packets > 0 ? { 'before-lost-in-memory': String(packets) } : {};
}

const beforeOf = (left: LeftSection, { record, captured, kept, lost }: Recovered): Record<string, string> => ({
  'before-epoch': String(left.epoch),
  'before-captured': String(captured),
  'before-kept': String(kept),
  'before-sampled-out': String(left.leftOut.sampledOut),
  'before-over-budget': String(left.leftOut.overBudget),
  'before-recovered': String(record?.header.packets ?? 0),
  'before-lost': String(lost),
  'before-dropped': String(left.leftOut.dropped),
  'before-alive-ms': String(left.readAtMs),
});
