import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { AgentFindings, type Finding, no, reasonOf } from '@bpfleet/contract/doctor';

/** Beside this package, in the repository as in the image. */
const DOCTOR = fileURLToPath(new URL('../../../capture-agent/dist/doctor-main.js', import.meta.url));
const TIMEOUT_MS = 30_000;

export interface AgentAnswer {
  readonly findings: readonly Finding[];
  /** As the agent reads them, mistakes left out; undefined: it cannot be asked. */
  readonly settings: AgentFindings['settings'] | undefined;
}

/** Asks the agent's own code, in a process that confines itself as the agent does: its settings, interfaces and rights. */
export async function agentFindings(
  env: Readonly<Record<string, string | undefined>>,
  doctor = DOCTOR,
): Promise<AgentAnswer> {
  if (!existsSync(doctor)) return cannotAsk(`it is not built: there is no ${doctor}`);
  try {
    return AgentFindings.parse(JSON.parse(await lineOf(doctor, env)));
  } catch (error) {
    return cannotAsk(reasonOf(error));
  }
}

/**
 * What it says, and no more: a connection that nobody answers, given up after 3 s, keeps its process for 10, and so does a name
 * server, for which also `process.exit()` waits.
 */
async function lineOf(doctor: string, env: Readonly<Record<string, string | undefined>>): Promise<string> {
  const asked = promisify(execFile)(process.execPath, [doctor], { env, timeout: TIMEOUT_MS });
  let said = '';
  const isSaid = () => said.endsWith('\n');
  asked.child.stdout!.on('data', (text: string) => {
    said += text;
    if (isSaid()) asked.child.kill('SIGKILL');
  });
  await asked.catch((error: unknown) => {
    if (!isSaid()) throw error;
  });
  return said;
}

const cannotAsk = (reason: string): AgentAnswer => ({
  findings: [no('agent', `cannot be asked: ${reason}`, 'npm run build')],
  settings: undefined,
});
