import { existsSync, mkdtempSync, rmdirSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Finding, no, ok, reasonOf, warning } from '@bpfleet/contract/doctor';

const GIB = 1024 ** 3;

/** Whether the agent could keep its state and its spool there. */
export function folderCheck(name: string, folder: string, neededBytes: number): Finding {
  const present = nearest(folder);
  try {
    // Tried: root may write everywhere by access(2), on read-only disks too.
    rmdirSync(mkdtempSync(join(present, '.bpfleet-doctor-')));
  } catch (error) {
    return no(name, reasonOf(error), `make ${present} writable for the agent, or name another folder`);
  }
  const { bavail, bsize } = statfsSync(present);
  const freeBytes = bavail * bsize;
  const detail = `${folder}: ${(freeBytes / GIB).toFixed(1)} GiB free`;
  if (freeBytes >= neededBytes) return ok(name, detail);
  const wanted = `${(neededBytes / GIB).toFixed(1)} GiB are its limit`;
  return warning(name, `${detail}, ${wanted}`, 'free some, or lower BPFLEET_AGENT_SPOOL_BYTES');
}

/** The folder, or the one above it that is there: agents make what is missing. */
function nearest(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearest(dirname(folder));
}
