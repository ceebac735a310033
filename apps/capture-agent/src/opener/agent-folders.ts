import { chmodSync, lchownSync, lstatSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BpfleetError } from '@bpfleet/errors';
import { isOwnPath } from './own-files.js';
import type { RunAs } from './run-as.js';

type Owner = NonNullable<RunAs['owner']>;

const STATE_MODE = 0o711;
const FOLDER_MODE = 0o700;
/** `S_ISVTX` (inode(7)): a folder that users share, such as /tmp. */
const STICKY = 0o1000;

/**
 * Makes the folders of the agent process, for whoever it runs as. The folder above them others may pass through, no more.
 * Folders that another user had become its own with all of bpfleet's that is in them.
 * @throws BpfleetError `DATA_NOT_WRITABLE`
 */
export function makeAgentFolders(stateDir: string, folders: readonly string[], { owner }: Pick<RunAs, 'owner'>): void {
  const wanted = owner ?? (process.getuid?.() === 0 ? { uid: 0, gid: 0 } : undefined);
  try {
    mkdirSync(stateDir, { recursive: true, mode: STATE_MODE });
    if (owner) letPass(stateDir);
    for (const folder of folders) {
      // Those above it that are missing too: closed ones of ours the agent process could not pass.
      mkdirSync(dirname(folder), { recursive: true, mode: STATE_MODE });
      mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
      const { mode, uid } = statSync(folder);
      if (wanted && uid !== wanted.uid && (mode & STICKY) === 0) giveAll(folder, wanted);
    }
  } catch (cause) {
    const whom = wanted ? ` for uid ${wanted.uid}` : '';
    throw new BpfleetError('DATA_NOT_WRITABLE', `cannot make the agent’s folders${whom}: ${(cause as Error).message}`, {
      cause,
      hint: `make ${stateDir} writable, and ${folders.join(', ')} of that user, or name others (BPFLEET_AGENT_STATE_DIR)`,
    });
  }
}

function letPass(stateDir: string): void {
  const { mode, uid } = statSync(stateDir);
  // Not where nothing is to be changed: the disk may be read-only.
  if ((mode & 0o777) === STATE_MODE) return;
  if (uid === process.getuid?.() && (mode & STICKY) === 0) chmodSync(stateDir, STATE_MODE);
}

/**
 * From the top down each folder is ours first: whoever had it may be hostile, and cannot put a link to something else into
 * the place of what is given away. When it ends halfway, the folder is not the new owner's, and the next start goes on.
 */
function giveAll(folder: string, owner: Owner, within = ''): void {
  lchownSync(folder, process.getuid!(), process.getgid!());
  chmodSync(folder, FOLDER_MODE);
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (!isOwnPath(join(within, name))) continue;
    const found = lstatSync(path);
    if (found.isDirectory()) giveAll(path, owner, join(within, name));
    // One with a second name may be somebody else's.
    else if (found.isFile() && found.nlink === 1) lchownSync(path, owner.uid, owner.gid);
  }
  lchownSync(folder, owner.uid, owner.gid);
}
