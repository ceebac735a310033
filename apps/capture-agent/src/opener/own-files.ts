import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BpfleetError } from '@bpfleet/errors';
import { type AgentFolders, controlFolder, openerFolder } from '../folders.js';
import { refuseSpoolAmongOurs } from './spool-apart.js';

/** What the agent process makes in `control` and in its spool, by the path there; `.new` is a draft of `writeDurably`. */
const OWN_PATHS = [
  /^desired\.json(\.new)?$/,
  /^bundles(\/[0-9a-f]+\.(json|left-out)(\.new)?)?$/,
  /^(\d{8,15}\.seg|marks|open-section|take-overs|disk-retry)$/,
  /^keys(\/\d{1,15}\.json(\.new)?)?$/,
];

/** Of those, the ones that others may have too: what is in them says whose they are. */
const COMMON_NAMES = ['bundles', 'keys'];

/** @param path in one of the agent's folders */
export const isOwnPath = (path: string): boolean => OWN_PATHS.some((own) => own.test(path));

const isOfState = (name: string): boolean => ['opener', 'control', 'spool'].includes(name);

/**
 * A folder that holds something else is not made ours: files would change their owners, and it would be closed to others.
 * Whoever put something into one of ours meanwhile keeps no agent from starting: it is left alone.
 * @throws BpfleetError `DATA_FOREIGN`, `DATA_NOT_WRITABLE` when it cannot be looked into; `CONFIG_INVALID` where what is the
 *   opener's would be the spool's
 */
export function refuseForeignFolders(folders: AgentFolders): void {
  refuseSpoolAmongOurs(folders);
  const { stateDir, spoolDir } = folders;
  refuseForeign(stateDir, {
    isOwn: isOfState,
    // One of them may be lost, or was removed for another identity.
    isOurs: () =>
      existsSync(join(openerFolder(stateDir), 'identity.json')) ||
      [controlFolder(stateDir), join(stateDir, 'spool')].some(holdsOurs),
    variable: 'BPFLEET_AGENT_STATE_DIR',
  });
  refuseForeign(spoolDir, {
    isOwn: isOwnPath,
    isOurs: () => holdsOurs(spoolDir),
    variable: 'BPFLEET_AGENT_SPOOL_DIR',
  });
}

interface Kind {
  readonly isOwn: (name: string) => boolean;
  /** Whether it was used before. */
  readonly isOurs: () => boolean;
  readonly variable: string;
}

function refuseForeign(folder: string, { isOwn, isOurs, variable }: Kind): void {
  const names = namesIn(folder);
  // A disk of its own has it from mkfs(8).
  const foreign = names.find((name) => name !== 'lost+found' && !isOwn(name));
  if (foreign === undefined || isOurs()) return;
  throw new BpfleetError('DATA_FOREIGN', `${folder} holds other files (${foreign}), and no data of bpfleet`, {
    hint: `name an empty or a new folder with ${variable}`,
  });
}

function holdsOurs(folder: string): boolean {
  const names = namesIn(folder);
  const isOurs = (name: string) => isOwnPath(name) && !COMMON_NAMES.includes(name);
  const hasOurs = (name: string) => namesIn(folder, name).some((inner) => isOwnPath(join(name, inner)));
  return names.some(isOurs) || COMMON_NAMES.filter((name) => names.includes(name)).some(hasOurs);
}

/** @param inner a folder in it, which is looked into as whoever has the outer one */
function namesIn(folder: string, inner = ''): readonly string[] {
  try {
    return readdirSync(join(folder, inner));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    // What else stands there, whoever makes the folder says.
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    if (code === 'EACCES') return namesByOwner(folder, inner);
    throw new BpfleetError('DATA_NOT_WRITABLE', `cannot look into ${folder}: ${message}`, { cause });
  }
}

/**
 * An opener with few capabilities may not look into the folders of its agent process; it may become that user. Who may neither
 * takes over nothing.
 */
function namesByOwner(folder: string, inner: string): readonly string[] {
  if (process.getuid?.() !== 0) return [];
  try {
    const { uid, gid } = statSync(folder);
    const listed = execFileSync('ls', ['-A', '--', join(folder, inner)], {
      ...{ uid, gid, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] },
    });
    return listed.toString().split('\n').filter(Boolean);
  } catch (cause) {
    throw new BpfleetError('DATA_NOT_WRITABLE', `cannot look into ${folder}: ${(cause as Error).message}`, {
      cause,
      hint: 'name a folder that the agent may read',
    });
  }
}
