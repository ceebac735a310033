import { type Finding, no, ok } from '@bpfleet/contract/doctor';
import { BpfleetError } from '@bpfleet/errors';
import { Identity } from '../opener/identity.js';

const NAME = 'identity';

/** Whether the opener would take the identity that is kept, or make one where there is none. */
export function identityFinding(folder: string, agent: string): Finding {
  try {
    const kept = Identity.look(folder, agent);
    if (kept === undefined) return ok(NAME, `none yet: made for ${agent} with the first start`);
    return ok(NAME, `of ${agent}, has accepted generation ${kept.generation}`);
  } catch (error) {
    if (!(error instanceof BpfleetError)) throw error;
    return no(NAME, error.message, error.hint ?? 'restore it from a backup, or name another BPFLEET_AGENT_STATE_DIR');
  }
}
