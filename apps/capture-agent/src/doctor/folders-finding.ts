import { type Finding, no, ok } from '@bpfleet/contract/doctor';
import { BpfleetError } from '@bpfleet/errors';
import type { AgentFolders } from '../folders.js';
import { refuseForeignFolders } from '../opener/own-files.js';

const NAME = 'folders';

/** Whether state folder and spool may become the agent's. */
export function foldersFinding(folders: AgentFolders): Finding {
  try {
    refuseForeignFolders(folders);
    return ok(NAME, 'are bpfleet’s own, empty, or to be made');
  } catch (error) {
    if (!(error instanceof BpfleetError)) throw error;
    return no(NAME, error.message, error.hint ?? 'name others: BPFLEET_AGENT_STATE_DIR, BPFLEET_AGENT_SPOOL_DIR');
  }
}
