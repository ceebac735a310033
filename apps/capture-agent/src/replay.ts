import { KafkaBus } from '@bpfleet/bus';
import { createMetrics, formatHostPort, Lifecycle, type Logger } from '@bpfleet/service';
import { fileSource } from './choose-source.js';
import type { AgentConfig } from './config.js';
import { createAgent } from './create-agent.js';
import { StatusServer } from './status-server.js';

/** A file needs no privilege, so there is nothing to separate. */
export async function replaying(
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
