import type { CaptureSocket, SocketSwap } from '../../border/opener-port.js';
import type { RecordHeader } from '../../spool/record-header.js';
import type { StoredSection } from '../../spool/section-store.js';
import type { MemberCounters } from '../attribution/attributed-member.js';
import type { BudgetStep } from '../attribution/budget.js';
import type { RingPosition } from '../sections/open-section.js';

/** What the capture thread is started with. */
export interface CaptureThreadData {
  readonly application: string;
  readonly hardware: string;
  readonly operatingSystem: string;
  readonly agent: string;
  readonly epoch: number;
  readonly spoolFolder: string;
  /** Above all that are or were in the spool. */
  readonly firstSegment: number;
  /** Which boot of the machine this is, and where its CLOCK_BOOTTIME stands: at `performance.now()` 0 of the main thread. */
  readonly boot: number;
  readonly bootTimeOriginMs: number;
  readonly timeOriginMs: number;
  /** What the epoch before left behind: said in every section of this one. */
  readonly ledgerBefore: Readonly<Record<string, string>>;
  /** For `Notice`: new records are in the spool. */
  readonly spooledNotice: SharedArrayBuffer;
  /** eventfd: written after each order, so that the thread leaves poll(2). */
  readonly wakeUpDescriptor: number;
}

/** Orders to the capture thread. Those with an `id` are answered with it. */
export type CaptureOrder =
  | {
      readonly kind: 'socket';
      readonly socket: CaptureSocket;
      readonly fd: number;
      readonly resume: RingPosition | undefined;
    }
  | { readonly kind: 'swap'; readonly socket: number; readonly swap: SocketSwap }
  | { readonly kind: 'draining'; readonly socket: number }
  | { readonly kind: 'settings'; readonly flushWindowMs: number }
  /** The disk did not take it before. */
  | { readonly kind: 'spool'; readonly id: number; readonly section: StoredSection }
  | { readonly kind: 'throttle'; readonly step: BudgetStep }
  | { readonly kind: 'collect' }
  | { readonly kind: 'counters'; readonly id: number }
  | { readonly kind: 'stop'; readonly id: number };

export type CaptureNews =
  | { readonly kind: 'ready' }
  /** New records are in the spool. */
  | { readonly kind: 'spooled' }
  /** The disk took no record: the section is the main thread's from here on. */
  | {
      readonly kind: 'refused';
      readonly header: RecordHeader;
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly code: string;
      readonly message: string;
    }
  /** To append that section, which either of the two has told of. */
  | { readonly kind: 'tried'; readonly id: number }
  | { readonly kind: 'cut'; readonly socket: number; readonly swap: number }
  | { readonly kind: 'drained'; readonly socket: number }
  /** So much of memory is its ring's: as often as that is mapped. */
  | { readonly kind: 'mapped'; readonly socket: number; readonly bytes: number }
  /** Its packets are taken one by one, which takes longer. */
  | { readonly kind: 'uncopied'; readonly socket: number; readonly reason: string }
  /** There is no room to keep a cut of it: what a process after one that was killed does is not sure. */
  | { readonly kind: 'unkept'; readonly socket: number }
  | { readonly kind: 'step'; readonly filter: string; readonly step: BudgetStep }
  | { readonly kind: 'counters'; readonly id: number; readonly counters: CaptureCounters }
  /** With the counters as they were at the end. */
  | { readonly kind: 'stopped'; readonly id: number; readonly counters: CaptureCounters };

/** All cumulative since the epoch began. */
export interface CaptureCounters {
  readonly taken: number;
  readonly sockets: readonly SocketCounts[];
  /** Those that ended in this epoch, together. */
  readonly ended: EndedCounts;
  readonly versions: readonly VersionCounts[];
}
export interface SocketCounts {
  readonly socket: number;
  /** Several: what the kernel counts is of all of them together. */
  readonly interfaces: readonly string[];
  readonly passed: number;
  readonly dropped: number;
  readonly taken: number;
}
export interface EndedCounts extends Pick<SocketCounts, 'passed' | 'dropped' | 'taken'> {
  readonly sockets: number;
}
export const noneEnded = (): { -readonly [Name in keyof EndedCounts]: number } => ({
  ...{ sockets: 0, passed: 0, dropped: 0, taken: 0 },
});
export interface VersionCounts extends MemberCounters {
  /** `web@3` */
  readonly version: string;
  readonly interface: string;
  readonly step: BudgetStep;
}
