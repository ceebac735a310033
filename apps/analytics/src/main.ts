import { KafkaBus } from '@bpfleet/bus';
import { packetsTopic } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import {
  configHelp,
  createLogger,
  createMetrics,
  Lifecycle,
  loadConfig,
  type Running,
  runMain,
} from '@bpfleet/service';
import { listen } from '@bpfleet/service/nest';
import { analyticsMigrations, logIdentity, migrate } from '@bpfleet/store';
import { createAnalytics } from './analytics.js';
import { ProcessConfig } from './config.js';
import { consumerMetrics } from './ingest/metrics.js';
import { createPools } from './pools.js';

const usage = `bpfleet analytics: stores what agents send, and answers questions about it.

  main.js           run the service
  main.js migrate   bring the database up to date, and end
  main.js --help    this text

Configured by its environment alone:

`;

await runMain(async (stopping) => {
  const [command, ...rest] = process.argv.slice(2);
  if (command === '--help') {
    process.stdout.write(usage + configHelp(ProcessConfig));
    return undefined;
  }
  if (command === 'migrate' && rest.length === 0) return migrateStore();
  if (command === undefined) return serve(stopping);
  throw new BpfleetError('CONFIG_INVALID', `"${[command, ...rest].join(' ')}" is no command`, {
    hint: 'the only one is `migrate`; --help shows the rest',
  });
});

async function migrateStore(): Promise<undefined> {
  const config = loadConfig(ProcessConfig, process.env);
  const logger = createLogger({ name: 'analytics', level: config.logLevel });
  const applied = await migrate({
    connection: config.postgresUrl,
    schema: 'analytics',
    directory: analyticsMigrations,
  });
  logger.info({ applied }, 'the schema is up to date');
  return undefined;
}

async function serve(stopping: AbortSignal): Promise<Running> {
  const config = loadConfig(ProcessConfig, process.env);
  const logger = createLogger({ name: 'analytics', level: config.logLevel });
  const metrics = createMetrics();
  const { pool, queryPool } = createPools(config, (err) => logger.warn({ err }, 'a connection to postgres broke'));
  const bus = new KafkaBus({
    brokers: config.kafkaBrokers,
    clientId: 'bpfleet-analytics',
    logger,
    consumerWatch: consumerMetrics(metrics),
    ownId: () => logIdentity(pool, packetsTopic(config.topicPrefix)),
  });
  const analytics = await createAnalytics(config, { pool, queryPool, bus, logger, metrics });
  const lifecycle = new Lifecycle()
    .add({ name: 'postgres', stop: () => Promise.all([pool.end(), queryPool.end()]) })
    .add({ name: 'analytics', start: () => analytics.start(), stop: () => analytics.stop() })
    .add({ name: 'http', start: () => listen(analytics.app, { host: config.listen, port: config.port, logger }) });
  stopping.addEventListener('abort', () => void lifecycle.stop());
  await lifecycle.start();
  return lifecycle;
}
