// The agent process: has the network connections and no privileges. The opener starts it; see docs/30-capture-agent.md.
import { KafkaBus } from '@bpfleet/bus';
import { BpfleetError } from '@bpfleet/errors';
import { confineProcess } from '@bpfleet/linux';
import {
  createLogger,
  createMetrics,
  formatHostPort,
  Lifecycle,
  type Logger,
  loadConfig,
  type Running,
  runMain,
} from '@bpfleet/service';
import { CaptureAgent } from './agent.js';
import { inheritedOpener } from './border/inherited-opener.js';
import { RingSource } from './capture/sources/ring-source.js';
import { hostInterfaces } from './choose-source.js';
import { AgentConfig } from './config.js';
import { spoolDirOf } from './folders.js';
import { CollectAfterWork } from './guest/collect-after-work.js';
import { StatusServer } from './status-server.js';
import { connectionMetrics } from './uplink/metrics.js';

/** It has next to nothing to do between two sends. */
const EVENT_LOOP_PRECISION_MS = 1000;

await runMain((stopping, stop) => run(loadConfig(AgentConfig, process.env), stopping, stop));

async function run(config: AgentConfig, stopping: AbortSignal, stop: () => void): Promise<Running> {
  const logger = createLogger({ name: 'capture-agent', level: config.logLevel });
  const registry = createMetrics(EVENT_LOOP_PRECISION_MS);
  let onFatal!: (error: unknown) => void;
  const failed = new Promise<never>((_, reject) => {
    onFatal = reject;
  });
  // It may fail while it still starts, when nobody looks yet.
  failed.catch((err) => logger.fatal({ err }, 'the agent cannot go on'));
  const opener = inheritedOpener({ stop, gone: onFatal });
  const work = new CollectAfterWork();
  const brokers = config.kafkaBrokers.map(formatHostPort);
  const watch = connectionMetrics(registry);
  const status = new StatusServer(config, registry);
  const agent = new CaptureAgent(
    { ...config, agentSpoolDir: spoolDirOf(config) },
    {
      bus: new KafkaBus({ brokers, clientId: `bpfleet-agent-${config.agentId}`, logger, watch }),
      opener,
      openerPid: process.ppid,
      createSource: (positions) => new RingSource(opener, positions, logger),
      interfaces: hostInterfaces,
      logger,
      registry,
      onFatal,
      beforeNetwork: async () => {
        await status.start();
        // Within the same turn of the event loop: it listens, and has accepted nobody.
        confine(logger);
      },
      onCarriedOut: () => work.done(),
    },
  );
  const lifecycle = new Lifecycle()
    .add({ name: 'status server', stop: () => status.stop() })
    .add({ name: 'agent', start: () => agent.start(), stop: () => agent.stop() });
  stopping.addEventListener('abort', () => void lifecycle.stop().catch((err) => logger.error({ err }, 'stop failed')));
  await lifecycle.start();
  return { stop: () => lifecycle.stop(), failed };
}

/** From here on, listeners open and threads started: no other program, no other socket, whatever this process is led to do. */
function confine(logger: Logger): void {
  try {
    confineProcess();
  } catch (err) {
    if (!(err instanceof BpfleetError)) throw err;
    logger.warn({ err }, 'not confined: the opener reads programs back each second');
  }
}
