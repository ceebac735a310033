import { fileURLToPath } from 'node:url';
import { KafkaBus } from '@bpfleet/bus';
import { BpfleetError } from '@bpfleet/errors';
import { matchesPatterns } from '@bpfleet/linux';
import {
  configHelp,
  createLogger,
  createMetrics,
  formatHostPort,
  Lifecycle,
  type Logger,
  loadConfig,
  type Running,
  runMain,
} from '@bpfleet/service';
import { controlFolder, openerFolder, spoolDirOf } from './agent.js';
import { type ChosenSource, fileSource, ringSource } from './choose-source.js';
import { AgentConfig } from './config.js';
import { createAgent } from './create-agent.js';
import { makeAgentFolders } from './opener/agent-folders.js';
import { AgentProcess } from './opener/agent-process.js';
import { Opener } from './opener/opener.js';
import { runAs } from './opener/run-as.js';
import { StatusServer } from './status-server.js';

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
  const logger = createLogger({ name: config.agentPcap ? 'capture-agent' : 'opener', level: config.logLevel });
  let onFatal!: (error: unknown) => void;
  const failed = new Promise<never>((_, reject) => {
    onFatal = reject;
  });
  // It may fail while it still starts, when nobody looks yet.
  failed.catch((err) => logger.fatal({ err }, 'the agent cannot go on'));
  const lifecycle = config.agentPcap
    ? await replaying(config, config.agentPcap, logger, onFatal)
    : capturing(config, ringSource(), logger, onFatal);
  stopping.addEventListener('abort', () => void lifecycle.stop().catch((err) => logger.error({ err }, 'stop failed')));
  await lifecycle.start();
  const running: Running = { stop: () => lifecycle.stop(), failed };
  return running;
});

/** Two processes: this one decides what the kernel runs, its child has the network connections. */
function capturing(
  config: AgentConfig,
  source: ChosenSource,
  logger: Logger,
  onFatal: (error: unknown) => void,
): Lifecycle {
  const opener = new Opener({
    folder: openerFolder(config.agentStateDir),
    agent: config.agentId,
    interfaces: source.interfaces,
    mayOpen: (name) => matchesPatterns(config.agentInterfaces, name),
    matches: source.matches,
    opensSockets: true,
    ringBudgetBytes: config.agentRingBytes,
    isConfined: () => agent.isConfined,
    onFatal,
  });
  const { agentStateDir } = config;
  const as = runAs(config.agentUser, AGENT, agentStateDir, openerFolder(agentStateDir));
  const agent: AgentProcess = new AgentProcess(opener, { entry: AGENT, env: process.env, runAs: as, logger });
  return new Lifecycle()
    .add({ name: 'opener', start: () => opener.start((event) => agent.tell(event)), stop: () => opener.stop() })
    .add({
      name: 'agent process',
      start: () => {
        makeAgentFolders(config.agentStateDir, [spoolDirOf(config), controlFolder(config.agentStateDir)], as);
        logger.info({ as: as.says }, 'the agent process starts');
        agent.start(onFatal);
      },
      stop: () => agent.stop(),
    });
}

/** A file needs no privilege, so there is nothing to separate. */
async function replaying(
  config: AgentConfig,
  file: string,
  logger: Logger,
  onFatal: (error: unknown) => void,
): Promise<Lifecycle> {
  const source = await fileSource({ file, speed: config.agentPcapSpeed, times: 'recorded', repeat: false });
  const registry = createMetrics();
  const brokers = config.kafkaBrokers.map(formatHostPort);
  const bus = new KafkaBus({ brokers, clientId: `bpfleet-agent-${config.agentId}`, logger });
  const agent = createAgent(config, source, { bus, logger, registry, onFatal });
  const status = new StatusServer(config, registry);
  return new Lifecycle()
    .add({ name: 'status server', start: () => status.start(), stop: () => status.stop() })
    .add({ name: 'agent', start: () => agent.start(), stop: () => agent.stop() });
}
