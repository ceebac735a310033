import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { WRITE } from '../durable-file.js';
import type { SessionKeys } from './session-keys.js';
import type { SpoolErrors } from './spool-errors.js';

const INTERVAL_MS = 5000;

/**
 * Tries the spool's disk again while it refuses something: on an idle host no section may come for long, by which it would show
 * that it takes them again, and a key that it did not take would be lost with the process. Nothing runs while nothing is refused.
 */
export class DiskRetry {
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(
    private readonly folder: string,
    private readonly sections: Pick<SpoolErrors, 'isRefused' | 'taken'>,
    private readonly keys: Pick<SessionKeys, 'areKept' | 'keepRefused'>,
    /** The disk takes everything again. */
    private readonly onTaken: () => void,
    private readonly intervalMs = INTERVAL_MS,
  ) {}

  /** Something may have been refused. */
  look(): void {
    if (this.#isStopped || !this.#isRefused) return;
    this.#timer ??= setTimeout(() => void this.#try(), this.intervalMs).unref();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  get #isRefused(): boolean {
    return this.sections.isRefused || !this.keys.areKept;
  }

  async #try(): Promise<void> {
    await this.keys.keepRefused();
    if (this.sections.isRefused && (await takesSegment(this.folder))) this.sections.taken();
    this.#timer = undefined;
    if (this.#isRefused) this.look();
    else this.onTaken();
  }
}

/** Of a dozen sections, and what files cost beside. */
const ROOM_BYTES = 1024 * 1024;

/** Whether the disk has room for sections again. */
async function takesSegment(folder: string): Promise<boolean> {
  try {
    const path = join(folder, 'disk-retry');
    const file = await open(path, WRITE, 0o600);
    try {
      // Without a name from here on: whatever ends the process, the disk has its room again.
      await unlink(path);
      await file.writeFile(Buffer.alloc(ROOM_BYTES));
      await file.datasync();
    } finally {
      await file.close();
    }
    return true;
  } catch {
    // As the section before, whose refusal is in the status.
    return false;
  }
}
