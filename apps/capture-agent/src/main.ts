import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { BpfleetError } from '@bpfleet/errors';
import { configHelp, createLogger, Lifecycle, type Logger, loadConfig, type Running, runMain } from '@bpfleet/service';
import { AGENT_AS_ROOT } from './agent-errors.js';
import { refuseUnlessFile } from './capture/read-recording.js';
import { type ChosenSource, ringSource } from './choose-source.js';
import { AgentConfig } from './config.js';
import { createOpener } from './create-opener.js';
import { controlFolder, openerFolder, spoolDirOf } from './folders.js';
import { CollectAfterWork } from './guest/collect-after-work.js';
import { keepYoungGenerationSmall } from './guest/young-generation.js';
import { makeAgentFolders } from './opener/agent-folders.js';
import { AgentProcess } from './opener/agent-process.js';
import { refuseForeignFolders } from './opener/own-files.js';
import { runAs } from './opener/run-as.js';
import { dropPrivileges } from './without-privileges.js';

const AGENT = fileURLToPath(new URL('./agent-main.js', import.meta.url));

await runMain(async (stopping) => {
  if (process.argv.includes('--help')) {
    process.stdout.write(`The capture agent. Configured by its environment alone:\n\n${configHelp(AgentConfig)}`);
    return undefined;
  }
  if (process.argv.length > 2) {
    throw new BpfleetError('CONFIG_INVALID', `unknown argument ${process.argv[2]}`, { hint: 'see --help' });
  }
  const config = loadConfig(AgentConfig, process.env);
  refuseForeignFolders({ stateDir: config.agentStateDir, spoolDir: spoolDirOf(config) });
  const isOneProcess = config.agentPcap !== undefined || config.agentSource === 'cap';
  const logger = createLogger({ name: isOneProcess ? 'capture-agent' : 'opener', level: config.logLevel });
  let onFatal!: (error: unknown) => void;
  const failed = new Promise<never>((_, reject) => {
    onFatal = reject;
  });
  // It may fail while it still starts, when nobody looks yet.
  failed.catch((err) => logger.fatal({ err }, 'the agent cannot go on'));
  if (config.agentPcap !== undefined) await replayWithoutPrivileges(config, config.agentPcap, logger);
  const lifecycle = isOneProcess
    ? await (await import('./one-process.js')).inOneProcess(config, logger, onFatal)
    : capturing(config, ringSource(), logger, onFatal);
  stopping.addEventListener('abort', () => void lifecycle.stop().catch((err) => logger.error({ err }, 'stop failed')));
  await lifecycle.start();
  const running: Running = { stop: () => lifecycle.stop(), failed };
  return running;
});

/** A foreign file is read, and the network used, by a process that could do nothing else. */
async function replayWithoutPrivileges(config: AgentConfig, recording: string, logger: Logger): Promise<void> {
  // Before anything is made for it.
  await refuseUnlessFile(recording);
  const { agentStateDir: state, agentUser } = config;
  const [spool, control] = [spoolDirOf(config), controlFolder(state)];
  const entry = fileURLToPath(import.meta.url);
  const files = { entry, recording, folders: [state, openerFolder(state), spool, control] } as const;
  const trouble = dropPrivileges(agentUser, files, () => {
    // What the agent process of another source left is its user's; not where that is who we become.
    if (isOurs(state)) makeAgentFolders(state, [spool, control], { owner: undefined });
  });
  if (trouble !== undefined) logger.warn(`a capture file is replayed with all privileges: ${trouble}`);
}

function isOurs(folder: string): boolean {
  return (statSync(folder, { throwIfNoEntry: false })?.uid ?? 0) === process.getuid?.();
}

/** Two processes: this one decides what the kernel runs, its child has the network connections. */
function capturing(
  config: AgentConfig,
  source: ChosenSource,
  logger: Logger,
  onFatal: (error: unknown) => void,
): Lifecycle {
  keepYoungGenerationSmall();
  const work = new CollectAfterWork();
  const { agentStateDir } = config;
  const as = runAs(config.agentUser, AGENT, agentStateDir, openerFolder(agentStateDir));
  const opener = createOpener(config, source, {
    ...{ isConfined: () => agent.isConfined, asRoot: as.asRoot, logger, onFatal },
    onCarriedOut: () => work.done(),
  });
  const agent: AgentProcess = new AgentProcess(opener, { entry: AGENT, env: process.env, runAs: as, logger });
  return new Lifecycle()
    .add({ name: 'opener', start: () => opener.start((event) => agent.tell(event)), stop: () => opener.stop() })
    .add({
      name: 'agent process',
      start: () => {
        makeAgentFolders(config.agentStateDir, [spoolDirOf(config), controlFolder(config.agentStateDir)], as);
        logger.info({ as: as.says }, 'the agent process starts');
        if (as.asRoot !== undefined) logger.warn({ code: AGENT_AS_ROOT }, as.asRoot);
        agent.start(onFatal);
      },
      stop: () => agent.stop(),
    });
}
