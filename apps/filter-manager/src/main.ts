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
import { isLoopback, listen } from '@bpfleet/service/nest';
import { createPool, migrate } from '@bpfleet/store';
import { ProcessConfig } from './config.js';
import { createFilterManager } from './filter-manager.js';
import { controlMigrations } from './migrations.js';

const usage = `usage: node dist/main.js            serve the API
       node dist/main.js migrate    bring the database's schema up to date and exit

${configHelp(ProcessConfig)}`;

await runMain(async () => {
  const [command, ...rest] = process.argv.slice(2);
  if (command === '--help' || command === '-h') return help();
  if (rest.length > 0 || (command !== undefined && command !== 'migrate')) {
    throw new BpfleetError('REQUEST_INVALID', `unknown argument ${rest[0] ?? command}`, { hint: 'see --help' });
  }
  const config = loadConfig(ProcessConfig, process.env);
  return command === 'migrate' ? runMigrations(config) : serve(config);
});

function help(): undefined {
  process.stdout.write(usage);
}

async function runMigrations(config: ProcessConfig): Promise<undefined> {
  const logger = createLogger({ name: 'filter-manager', level: config.logLevel });
  const ran = await migrate({ connection: config.postgresUrl, ...controlMigrations });
  logger.info({ ran }, 'schema is up to date');
}

async function serve(config: ProcessConfig): Promise<Running> {
  const logger = createLogger({ name: 'filter-manager', level: config.logLevel });
  const pool = createPool({
    connection: config.postgresUrl,
    name: 'bpfleet-filter-manager',
    onError: (err) => logger.warn({ err }, 'an idle database connection broke'),
  });
  const service = await createFilterManager(config, { pool, logger, metrics: createMetrics() });
  const lifecycle = new Lifecycle().add({ name: 'postgres', stop: () => pool.end() }).add({
    name: 'filter-manager',
    async start() {
      await service.start();
      await listen(service.app, { host: config.listen, port: config.port, logger });
      if (config.enrolmentToken === undefined && !isLoopback(config.listen)) {
        logger.warn('no enrolment token is set: whoever reaches this address may enrol agents');
      }
    },
    stop: () => service.stop(),
  });
  await lifecycle.start();
  return lifecycle;
}
