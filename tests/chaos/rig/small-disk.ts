import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Requirement } from '../../environment/src/requirements.js';

const run = promisify(execFile);

/** A file system may be mounted here. */
export function mountsHere(): Requirement {
  // In a mount namespace of its own, which ends with the probe.
  const { status, stderr } = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()], {
    encoding: 'utf8',
  });
  return status === 0 ? {} : { unavailable: `may not mount: ${stderr?.trim() || 'no unshare'}` };
}

/** A disk of a few MiB that a test can fill. */
export class SmallDisk {
  private constructor(readonly path: string) {}

  static async mount(sizeMib: number): Promise<SmallDisk> {
    const path = await mkdtemp(join(tmpdir(), 'bpfleet-disk-'));
    await run('mount', ['-t', 'tmpfs', '-o', `size=${sizeMib}m`, 'tmpfs', path]);
    return new SmallDisk(path);
  }

  /** Not a byte more can be written. */
  async fill(): Promise<void> {
    await run('sh', ['-c', `cat /dev/zero > ${this.#filler} 2> /dev/null; true`]);
  }

  /** Also when it was not filled. */
  async free(): Promise<void> {
    await rm(this.#filler, { force: true });
  }

  async unmount(): Promise<void> {
    await run('umount', [this.path]);
    await rm(this.path, { recursive: true });
  }

  get #filler(): string {
    return join(this.path, 'filler');
  }
}
