import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { type Finding, no, reasonOf } from './check.js';

/** Beside this package, in the repository as in the image. */
const DOCTOR = fileURLToPath(new URL('../../../capture-agent/dist/doctor-main.js', import.meta.url));
const TIMEOUT_MS = 30_000;

const Answer = z.object({
  findings: z.array(
    z.object({
      name: z.string(),
      state: z.enum(['ok', 'warning', 'no']),
      detail: z.string(),
      advice: z.string().optional(),
    }),
  ),
  settings: z.object({
    server: z.string(),
    brokers: z.array(z.string()),
    stateDir: z.string(),
    spoolDir: z.string(),
    spoolBytes: z.number(),
  }),
});

export interface AgentAnswer {
  readonly findings: readonly Finding[];
  /** As the agent reads them, mistakes left out; undefined: it cannot be asked. */
  readonly settings: z.infer<typeof Answer>['settings'] | undefined;
}

/** Asks the agent's own code, in a process that confines itself as the agent does: its settings, interfaces and rights. */
export async function agentFindings(
  env: Readonly<Record<string, string | undefined>>,
  doctor = DOCTOR,
): Promise<AgentAnswer> {
  if (!existsSync(doctor)) return cannotAsk(`it is not built: there is no ${doctor}`);
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [doctor], { env, timeout: TIMEOUT_MS });
    const { findings, settings } = Answer.parse(JSON.parse(stdout));
    const given = findings.map(({ advice, ...rest }) => (advice === undefined ? rest : { ...rest, advice }));
    return { findings: given, settings };
  } catch (error) {
    return cannotAsk(reasonOf(error));
  }
}

const cannotAsk = (reason: string): AgentAnswer => ({
  findings: [no('agent', `cannot be asked: ${reason}`, 'npm run build')],
  settings: undefined,
});
