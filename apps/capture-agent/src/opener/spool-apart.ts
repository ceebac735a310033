import { realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { BpfleetError } from '@bpfleet/errors';
import { type AgentFolders, controlFolder, openerFolder } from '../folders.js';

/**
 * The spool becomes the agent process's own. Whoever owns a folder renames and replaces what is in it: the identity key too, if
 * that is there, whoever owns the key.
 * @throws BpfleetError `CONFIG_INVALID`
 */
export function refuseSpoolAmongOurs({ stateDir, spoolDir }: AgentFolders): void {
  const spool = realPath(spoolDir);
  const near = [openerFolder(stateDir), controlFolder(stateDir)].find((folder) => {
    const other = realPath(folder);
    return isWithin(spool, other) || isWithin(other, spool);
  });
  if (near === undefined) return;
  throw new BpfleetError('CONFIG_INVALID', `${spoolDir} cannot be the spool: it is ${near}, in that, or above it`, {
    hint: 'name a folder of its own with BPFLEET_AGENT_SPOOL_DIR, or none: by default it is spool in the state folder',
  });
}

/** Of what is there; what is missing, or is not to be looked into, as it is called. */
function realPath(path: string): string {
  const whole = resolve(path);
  try {
    return realpathSync(whole);
  } catch {
    // The root is always there.
    return join(realPath(dirname(whole)), basename(whole));
  }
}

function isWithin(folder: string, other: string): boolean {
  const way = relative(other, folder);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
