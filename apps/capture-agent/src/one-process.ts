import { KafkaBus } from '@bpfleet/bus';
import { createMetrics, formatHostPort, Lifecycle, type Logger } from '@bpfleet/service';
import { readRecording } from './capture/read-recording.js';
import { type ChosenSource, capSource, fileSource } from './choose-source.js';
import type { AgentConfig } from './config.js';
import { createAgent } from './create-agent.js';
import { StatusServer } from './status-server.js';
import { connectionMetrics } from './uplink/metrics.js';

/**
 * An agent whose source has no sockets that an opener could hold: a file, which needs no privilege, or `cap`, which opens its
 * own in a process that this one starts.
 */
export async function inOneProcess(
  config: AgentConfig,
  logger: Logger,
  onFatal: (error: unknown) => void,
): Promise<Lifecycle> {
  const source = await sourceOf(config);
  const registry = createMetrics();
  const brokers = config.kafkaBrokers.map(formatHostPort);
  const watch = connectionMetrics(registry);
  const bus = new KafkaBus({ brokers, clientId: `bpfleet-agent-${config.agentId}`, logger, watch });
  const agent = createAgent(config, source, { bus, logger, registry, onFatal });
  const status = new StatusServer(config, registry);
  return new Lifecycle()
    .add({ name: 'status server', start: () => status.start(), stop: () => status.stop() })
    .add({ name: 'agent', start: () => agent.start(), stop: () => agent.stop() });
}

async function sourceOf(config: AgentConfig): Promise<ChosenSource> {
  const { agentPcap: file, agentPcapSpeed: speed } = config;
  if (file === undefined) return capSource(config);
  return fileSource(await readRecording(file), { speed, times: 'recorded', repeat: false });
}
