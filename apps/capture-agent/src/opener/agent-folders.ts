import { chmodSync, chownSync, mkdirSync, statSync } from 'node:fs';
import { BpfleetError } from '@bpfleet/errors';
import type { RunAs } from './run-as.js';

/**
 * Makes the folders of the agent process, for whoever it runs as. The folder above them others may pass through, no more.
 * @throws BpfleetError `DATA_NOT_WRITABLE`
 */
export function makeAgentFolders(stateDir: string, folders: readonly string[], { owner }: RunAs): void {
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o711 });
    if (owner) chmodSync(stateDir, 0o711);
    for (const folder of folders) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      if (owner && statSync(folder).uid !== owner.uid) chownSync(folder, owner.uid, owner.gid);
    }
  } catch (cause) {
    const whom = owner ? ` for uid ${owner.uid}` : '';
    throw new BpfleetError('DATA_NOT_WRITABLE', `cannot make the agent’s folders${whom}: ${(cause as Error).message}`, {
      cause,
      hint: `make ${stateDir} writable, and ${folders.join(', ')} of that user, or name others (BPFLEET_AGENT_STATE_DIR)`,
    });
  }
}
