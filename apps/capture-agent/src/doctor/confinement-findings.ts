import { execFileSync } from 'node:child_process';
import { type Finding, ok, reasonOf, warning } from '@bpfleet/contract/doctor';
import { BpfleetError } from '@bpfleet/errors';
import { confinement, confineProcess } from '@bpfleet/linux';

/** How the agent's process with the network connections is kept apart, each by one that is tried. */
const TRIED = [
  {
    name: 'setpriv',
    command: ['setpriv', '--no-new-privs', 'true'],
    does: 'takes privileges from a process for good',
    advice: 'install util-linux: without it that process gives them up only once it runs',
  },
  {
    name: 'unshare',
    command: ['unshare', '--user', '--', 'true'],
    does: 'makes user namespaces',
    advice:
      'only needed where another user could not read the code: install util-linux, and allow them (user.max_user_namespaces)',
  },
] as const;

export const toolFindings = (
  tried: readonly { name: string; command: readonly string[]; does: string; advice: string }[] = TRIED,
): Finding[] =>
  tried.map(({ name, command, does, advice }) => {
    const refusal = refusalOf(command);
    return refusal === undefined ? ok(name, does) : warning(name, `does not work: ${refusal}`, advice);
  });

/** @returns why it does not work; undefined: it does */
function refusalOf([command, ...args]: readonly string[]): string | undefined {
  try {
    execFileSync(command!, args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 5000 });
    return undefined;
  } catch (error) {
    const { stderr } = error as { stderr?: Buffer };
    return stderr?.toString().trim().split('\n')[0] || reasonOf(error);
  }
}

/** @param as as whom the process runs; throws when `BPFLEET_AGENT_USER` is none */
export function userFinding(as: () => { readonly says: string; readonly asRoot: string | undefined }): Finding {
  const name = 'agent process';
  try {
    const { says, asRoot } = as();
    if (asRoot === undefined) return ok(name, `runs as ${says}`);
    return warning(name, `runs as ${says}`, asRoot);
  } catch (error) {
    if (!(error instanceof BpfleetError)) throw error;
    return { ...{ name, state: 'no', detail: error.message }, ...(error.hint ? { advice: error.hint } : {}) };
  }
}

/** Takes from this process what the agent takes from itself: nothing can be started from here on. */
export function seccompFinding(confine: () => void = confineProcess): Finding {
  const name = 'seccomp';
  const advice = 'the agent’s network process runs `not confined`, and what the kernel runs is read back each second';
  try {
    confine();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return warning(name, reasonOf(error), advice);
  }
  if (confinement().isFiltered) return ok(name, 'a filter was installed, and holds');
  return warning(name, 'a filter was taken, and is not there', advice);
}
