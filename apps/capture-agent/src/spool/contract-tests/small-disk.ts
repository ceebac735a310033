import { execFile } from 'node:child_process';
import { mkdtemp, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A file system of its own, which a test may fill. */
export class SmallDisk {
  private constructor(readonly folder: string) {}

  /** @returns undefined where this user may not mount */
  static async mount(sizeMib: number): Promise<SmallDisk | undefined> {
    const folder = await mkdtemp(join(tmpdir(), 'bpfleet-full-'));
    try {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${sizeMib}m`, 'tmpfs', folder]);
      return new SmallDisk(folder);
    } catch {
      await rmdir(folder);
      return undefined;
    }
  }

  /** Others take everything that is left. @returns gives it back */
  async fillUp(): Promise<() => Promise<void>> {
    const { stdout } = await run('df', ['--output=avail', '-B1', this.folder]);
    const file = join(this.folder, 'of-others');
    await writeFile(file, Buffer.alloc(Number(stdout.trim().split('\n').at(-1))));
    return () => rm(file);
  }

  async unmount(): Promise<void> {
    await run('umount', [this.folder]);
    await rmdir(this.folder);
  }
}
