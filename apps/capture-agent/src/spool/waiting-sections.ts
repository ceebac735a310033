import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentStatus } from '@bpfleet/contract';
import type { Logger } from 'pino';
import { noAmount, plus } from './amount.js';
import { DiskRetry } from './disk-retry.js';
import { DiskSpool } from './disk-spool.js';
import { LossLog } from './loss-log.js';
import { MemoryStore } from './memory-store.js';
import type { RecordHeader, Tally } from './record-header.js';
import type { StoreCounts, StoredSection } from './section-store.js';
import { SegmentWriter } from './segment-writer.js';
import type { SessionKey } from './session-key-file.js';
import { SessionKeys } from './session-keys.js';
import { SpoolErrors } from './spool-errors.js';
import { type StoreFigures, storeFigures } from './store-figures.js';

/** So often it is looked whether somebody deleted files under this process. */
const LOOK_MS = 5000;
/**
 * So much goes from memory to the disk with each look: a disk with little room refuses most of it again, and each refusal is
 * a copy, a failed write of the capture thread and a line in the log.
 */
const BACK_BYTES = 8 * 1024 * 1024;

const UNKNOWN_WHETHER_KEPT = 'sections on their way from memory to the disk: it is not known whether they are there';

export interface WaitingLimits {
  readonly spoolBytes: number;
  readonly spoolHours: number;
  /** In memory, while the disk takes none. */
  readonly pendingBytes: number;
}

/** Which boot of the machine this is, and its CLOCK_BOOTTIME. */
export interface BootClock {
  readonly boot: number;
  readonly nowMs: () => number;
}

/** Sections that wait for the bus: on disk, in memory those that it does not take, and beside them the keys that sign them. */
export class WaitingSections {
  readonly disk: DiskSpool;
  readonly memory: MemoryStore;
  readonly #keys: SessionKeys;
  readonly #errors: SpoolErrors;
  readonly #losses: LossLog;
  readonly #retry: DiskRetry;
  /** Has a section appended by whoever appends them, who tells of it as of any other; the promise: it was tried. */
  spool: ((section: StoredSection) => Promise<void>) | undefined;
  #bringing: Promise<void> | undefined;
  #epoch = 0;
  #mapped: readonly string[] = [];
  #looking: NodeJS.Timeout | undefined;

  constructor(
    private readonly folder: string,
    { spoolBytes, spoolHours, pendingBytes }: WaitingLimits,
    clock: BootClock,
    private readonly logger: Pick<Logger, 'error'>,
    /** What `errors` says has changed. */
    private readonly onChange: () => void,
    private readonly lookMs = LOOK_MS,
  ) {
    const limits = { maxBytes: spoolBytes, maxAgeMs: spoolHours * 3_600_000 };
    this.disk = new DiskSpool(folder, limits, clock.boot, clock.nowMs);
    this.memory = new MemoryStore(pendingBytes, (kept, givenUp) => this.disk.alsoInMemory(kept, this.#epoch, givenUp));
    this.#keys = new SessionKeys(folder);
    this.#errors = new SpoolErrors(folder, pendingBytes, this.disk, this.#keys);
    this.#losses = new LossLog(folder, logger);
    this.#retry = new DiskRetry(folder, this.#errors, this.#keys, () => {
      this.#bringBack();
      onChange();
    });
  }

  /** Keys first: they may have to tell how far the rest was sent. */
  async open(): Promise<void> {
    await this.#keys.open();
    await this.disk.open(this.#keys);
  }

  /** Sections of this epoch may come from here on. */
  async beginEpoch(epoch: number, session: SessionKey): Promise<void> {
    this.#epoch = epoch;
    this.#errors.begin();
    this.#tellLosses();
    await this.#keys.add(epoch, session);
    this.#retry.look();
    this.#looking ??= setInterval(() => void this.lookForDeleted(), this.lookMs).unref();
  }

  /** Files of the spool's folder that the capture thread has mapped, and the process after a kill needs. */
  keepsMapped(names: readonly string[]): void {
    this.#mapped = names.filter((name) => this.#isThere(name));
  }

  /** What somebody deleted is made again, segments apart, which their writer looks after; of the rest it is said. */
  async lookForDeleted(): Promise<void> {
    await this.#keys.keepDeleted();
    await this.disk.keepDeleted();
    const deleted = this.#mapped.filter((name) => !this.#isThere(name));
    if (this.#errors.deleted(deleted)) this.onChange();
    this.#tellLosses();
    this.#bringBack();
    this.#retry.look();
  }

  keyOf(epoch: number): SessionKey | undefined {
    return this.#keys.get(epoch);
  }

  /** Those of epochs that nothing waits of any more. */
  forgetKeys(): Promise<void> {
    return this.#keys.forgetAllBut(new Set([...this.disk.epochs, ...this.memory.epochs, this.#epoch]));
  }

  /** The disk took a section. */
  taken(): void {
    this.#errors.taken();
    void this.#keys.keepRefused();
  }

  /** The disk took it not: it waits in memory. */
  refused(header: RecordHeader, bytes: Uint8Array, error: { readonly code: string; readonly message: string }): void {
    const { code, message } = error;
    if (this.#errors.refused(message)) this.onChange();
    this.#retry.look();
    this.logger.error({ code, seq: header.seq }, `${message}: the section is kept in memory`);
    this.memory.add({ header, bytes });
  }

  /** It is given up, for the key of its epoch is lost. */
  unsigned(header: Pick<RecordHeader, 'packets'>): void {
    this.#errors.unsigned(header.packets);
    this.onChange();
  }

  /** Disk first, which keeps what memory gave up, too; then memory. */
  get counts(): readonly [StoreCounts, StoreCounts] {
    return [this.disk.counts, { ...this.memory.counts, evicted: noAmount, evictedOf: new Map() }];
  }

  get figures(): StoreFigures {
    return storeFigures(plus(this.disk.sent, this.memory.sent), this.counts);
  }

  get errors(): AgentStatus['errors'] {
    return this.#errors.current;
  }

  /** The disk is not tried again before `close`, and nothing given to whoever appends. Before that one stops. */
  stopRetry(): void {
    this.spool = undefined;
    clearInterval(this.#looking);
    this.#retry.stop();
  }

  /** Once nobody appends or sends any more. */
  async close(): Promise<void> {
    try {
      await this.#bringing;
      await this.lookForDeleted();
      await this.#keepUnsent();
    } finally {
      await this.disk.close();
    }
  }

  /** What waits in memory goes to the disk, unless that refuses sections. */
  #bringBack(): void {
    if (this.spool === undefined || this.#errors.isRefused || this.#bringing !== undefined) return;
    const sections = this.memory.leave(BACK_BYTES);
    if (sections.length === 0) return;
    this.#bringing = this.#bring(sections, this.spool)
      .catch((err: unknown) => this.logger.error({ err }, UNKNOWN_WHETHER_KEPT))
      .finally(() => {
        this.#bringing = undefined;
      });
  }

  async #bring(sections: readonly StoredSection[], spool: (section: StoredSection) => Promise<void>): Promise<void> {
    await Promise.all(sections.map(spool));
    // Then the disk knows them: at each moment each is there, in memory, or on its way.
    await this.disk.refresh();
    this.memory.left(sections);
  }

  /** For the process after this one. What the disk does not take even now is lost, and that one counts it. */
  async #keepUnsent(): Promise<void> {
    if (this.memory.counts.waiting.sections === 0) return;
    await this.disk.refresh();
    const writer = new SegmentWriter({ folder: this.folder, firstSegment: this.disk.nextSegment });
    const tallies = new Map<number, Tally>();
    this.memory.leaveTo(({ header, bytes }) => {
      const before = tallies.get(header.epoch) ?? this.disk.lastOf(header.epoch)?.spooled;
      const spooled = {
        sections: (before?.sections ?? 0) + 1,
        packets: (before?.packets ?? 0) + header.packets,
      };
      try {
        writer.append({ ...header, spooled }, bytes);
        tallies.set(header.epoch, spooled);
        return true;
      } catch (err) {
        const { seq, packets } = header;
        this.logger.error({ err, seq, packets }, 'a section is lost: it was not sent, and the disk does not take it');
        return false;
      }
    });
    writer.close();
  }

  #tellLosses(): void {
    if (this.#losses.tell(this.#errors.losses)) this.onChange();
  }

  #isThere(name: string): boolean {
    return existsSync(join(this.folder, name));
  }
}
