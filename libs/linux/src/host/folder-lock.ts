import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { BpfleetError } from '@bpfleet/errors';
import { errno, libc } from '../calls/libc.js';
import { SystemCallError } from '../calls/system-call-error.js';

/** `flock(2)`, include/uapi/asm-generic/fcntl.h. */
const LOCK_EX = 2;
const LOCK_NB = 4;

/**
 * A folder that nobody else may use meanwhile: flock(2) on the folder itself. The kernel ends it with the process, however
 * that ends; it needs no file, holds across containers, and on disks that are full or read-only.
 */
export class FolderLock {
  #fd: number | undefined;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** @throws BpfleetError `DATA_IN_USE`, which says who holds it; the error of `node:fs`, SystemCallError */
  static take(folder: string): FolderLock {
    const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
    if (libc().flock(fd, LOCK_EX | LOCK_NB) === 0) return new FolderLock(fd);
    const error = new SystemCallError('flock', errno());
    const { ino } = fstatSync(fd);
    closeSync(fd);
    if (error.errno !== 'EAGAIN') throw error;
    throw new BpfleetError('DATA_IN_USE', `the folder ${folder} is in use by ${holderOf(ino)}`, {
      cause: error,
      hint: 'stop that one first, or choose another folder',
    });
  }

  release(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** As /proc/locks has it (proc_locks(5)), which knows the processes of this container alone. */
function holderOf(inode: number): string {
  const pid = textOf('/proc/locks')
    .split('\n')
    .map((line) => /^\d+: FLOCK +ADVISORY +WRITE +(\d+) +[0-9a-f]+:[0-9a-f]+:(\d+) /.exec(line))
    .find((found) => found?.[2] === String(inode))?.[1];
  if (pid === undefined || pid === '0') return 'a process that this one cannot see, of another container perhaps';
  const command = textOf(`/proc/${pid}/cmdline`).split('\0').join(' ').trim();
  return `process ${pid}${command === '' ? '' : ` (${command})`}`;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Hidden, or it has ended meanwhile: then there is less to say.
    return '';
  }
}
