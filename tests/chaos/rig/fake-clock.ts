import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Requirement } from '../../environment/src/requirements.js';

/** Debian puts it under /usr/lib/<architecture>/faketime. */
function library(): string | undefined {
  return readdirSync('/usr/lib')
    .map((folder) => `/usr/lib/${folder}/faketime/libfaketimeMT.so.1`)
    .find((path) => existsSync(path));
}

/** libfaketime is installed. */
export function fakeTime(): Requirement<{ readonly path: string }> {
  const path = library();
  return path === undefined ? { unavailable: 'not installed: libfaketime (Debian: faketime)' } : { path };
}

/** The wall clock of whole processes, by libfaketime, and nobody else's. What the kernel stamps stays right. */
export class FakeClock {
  readonly #folder = mkdtempSync(join(tmpdir(), 'bpfleet-clock-'));

  /** @param first as for `set` */
  constructor(
    private readonly libraryPath: string,
    first: string,
  ) {
    this.set(first);
  }

  get #file(): string {
    return join(this.#folder, 'now');
  }

  /** Environment of the processes. */
  get env(): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: this.libraryPath,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      // Only CLOCK_REALTIME can be set on a real host.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_DISABLE_SHM: '1',
    };
  }

  /** @param time off by so many seconds, `+3600`, or where it stood when the process started, `@1970-01-01 00:01:00` */
  set(time: string): void {
    // Never half a file: it is read with each call.
    writeFileSync(`${this.#file}.new`, time);
    renameSync(`${this.#file}.new`, this.#file);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
