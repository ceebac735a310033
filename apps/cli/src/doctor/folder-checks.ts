import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, rmdirSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Finding, no, ok, reasonOf, warning } from '@bpfleet/contract/doctor';

const GIB = 1024 ** 3;
/** Of a folder that is made to see whether it can be, and removed. */
const PREFIX = '.bpfleet-doctor-';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Whether the agent could keep its state and its spool there.
 * @param owner who will write there, when that is another user: the folder is given to it, those above are not
 */
export function folderCheck(name: string, folder: string, neededBytes: number, owner?: Owner): Finding {
  const present = nearest(folder);
  // An opener with few capabilities may neither write there nor give it away, and need not.
  const isOwners = owner !== undefined && mayWrite(present, owner);
  if (!isOwners) {
    try {
      makeThere(present, owner);
    } catch (error) {
      return no(name, reasonOf(error), `make ${present} writable for the agent, or name another folder`);
    }
  }
  const above = present === folder ? dirname(folder) : present;
  if (owner && !isOwners && !isPassable(above, owner)) {
    const hint = `let others pass through ${above} and the folders above it (chmod o+x), or name another folder`;
    return no(name, `uid ${owner.uid}, which the agent runs as, may not pass through ${above}`, hint);
  }
  const { bavail, bsize } = statfsSync(present);
  const freeBytes = bavail * bsize;
  const detail = `${folder}: ${(freeBytes / GIB).toFixed(1)} GiB free`;
  if (freeBytes >= neededBytes) return ok(name, detail);
  const wanted = `${(neededBytes / GIB).toFixed(1)} GiB are its limit`;
  return warning(name, `${detail}, ${wanted}`, 'free some, or lower BPFLEET_AGENT_SPOOL_BYTES');
}

/** Tried: root may write everywhere by access(2), on read-only disks too. @param owner whom it is given to */
function makeThere(present: string, owner: Owner | undefined): void {
  const made = mkdtempSync(join(present, PREFIX));
  try {
    if (owner) chownSync(made, owner.uid, owner.gid);
  } finally {
    rmdirSync(made);
  }
}

/** The folder, or the one above it that is there: agents make what is missing. */
function nearest(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearest(dirname(folder));
}

/** Tried as that user. */
const mayWrite = (folder: string, { uid, gid }: Owner): boolean =>
  spawnSync('sh', ['-c', 'made=$(mktemp -d "$0XXXXXX") && rmdir "$made"', join(folder, PREFIX)], {
    ...{ uid, gid, cwd: '/', stdio: 'ignore' },
  }).status === 0;

/** Tried as that user: access(2) asks for all the folders above, too. */
const isPassable = (folder: string, { uid, gid }: Owner): boolean =>
  spawnSync('test', ['-x', folder], { uid, gid, cwd: '/', stdio: 'ignore' }).status === 0;
