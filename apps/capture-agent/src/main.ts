import { KafkaBus } from '@bpfleet/bus';
import { BpfleetError } from '@bpfleet/errors';
import {
  configHelp,
  createLogger,
  createMetrics,
  formatHostPort,
  Lifecycle,
  loadConfig,
  type Running,
  runMain,
} from '@bpfleet/service';
import { fileSource, ringSource } from './choose-source.js';
import { AgentConfig } from './config.js';
import { createAgent } from './create-agent.js';
import { StatusServer } from './status-server.js';

await runMain(async (stopping) => {
  if (process.argv.includes('--help')) {
    process.stdout.write(`The capture agent. Configured by its environment alone:\n\n${configHelp(AgentConfig)}`);
    return undefined;
  }
  if (process.argv.length > 2) {
    throw new BpfleetError('CONFIG_INVALID', `unknown argument ${process.argv[2]}`, { hint: 'see --help' });
  }
  return capture(loadConfig(AgentConfig, process.env), stopping);
});

async function capture(config: AgentConfig, stopping: AbortSignal): Promise<Running> {
  const logger = createLogger({ name: 'capture-agent', level: config.logLevel });
  const registry = createMetrics();
  const brokers = config.kafkaBrokers.map(formatHostPort);
  const bus = new KafkaBus({ brokers, clientId: `bpfleet-agent-${config.agentId}`, logger });
  let onFatal!: (error: unknown) => void;
  const failed = new Promise<never>((_, reject) => {
    onFatal = reject;
  });
  // It may fail while it still starts, when nobody looks yet.
  failed.catch((err) => logger.fatal({ err }, 'the agent cannot go on'));
  const source = config.agentPcap
    ? await fileSource({ file: config.agentPcap, speed: config.agentPcapSpeed, times: 'recorded', repeat: false })
    : ringSource();
  const agent = createAgent(config, source, { bus, logger, registry, onFatal });
  const status = new StatusServer(config, registry);
  const lifecycle = new Lifecycle()
    .add({ name: 'status server', start: () => status.start(), stop: () => status.stop() })
    .add({ name: 'agent', start: () => agent.start(), stop: () => agent.stop() });
  stopping.addEventListener('abort', () => void lifecycle.stop().catch((err) => logger.error({ err }, 'stop failed')));
  await lifecycle.start();
  return { stop: () => lifecycle.stop(), failed };
}
