import { commaSeparated, HostPort, HttpConfig, LogConfig, Port, PostgresConfig, ServerAddress } from '@bpfleet/service';
import { z } from 'zod';
import { RetentionConfig } from './retention/config.js';

/**
 * For the four partitions that are read at the same time, flows that no record brought, retention and roll-ups, which keep
 * theirs for as long as they take, and imports.
 */
const INGEST_CONNECTIONS = 8;
/** For scans, which read a step ahead, questions about flows, backtests, and tails. */
export const QUERY_CONNECTIONS = 20;

/** What analytics itself is told, wherever it runs. */
export const AnalyticsConfig = z.object({
  server: ServerAddress.default('http://127.0.0.1:7420').describe('the filter-manager, which tells the keys of agents'),
  requireSignatures: z
    .union([z.boolean(), z.stringbool()], 'is true or false')
    .default(true)
    .describe('put sections that nobody signed into quarantine'),
  topicPrefix: z
    .string()
    .regex(/^([A-Za-z0-9._-]{1,64}\.)?$/, 'a topic prefix is letters, digits and . _ -, and ends with a dot')
    .default('')
    .describe('put before the names of topics and of the consumer group; ends with a dot'),
  partitions: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(12)
    .describe('partitions of the topic when it is made; as many replicas can share the work'),
  ...RetentionConfig.shape,
});
export type AnalyticsConfig = z.infer<typeof AnalyticsConfig>;

/** Less would hold ingest up while retention and roll-ups are at work. */
const Connections = z.coerce.number().int().min(4).max(1000);

/** The environment of the process: the above, and what it connects to. */
export const ProcessConfig = z.object({
  ...HttpConfig.shape,
  port: Port.default(7421).describe('port to listen on'),
  ...LogConfig.shape,
  ...PostgresConfig.shape,
  ingestConnections: Connections.default(INGEST_CONNECTIONS).describe(
    'connections to Postgres at most, for ingest, imports and upkeep',
  ),
  queryConnections: Connections.default(QUERY_CONNECTIONS).describe('the same for questions, beside those of ingest'),
  kafkaBrokers: commaSeparated(
    z.string().refine((text) => HostPort.safeParse(text).success, 'a broker is host:port, an IPv6 address in brackets'),
  )
    .pipe(z.array(z.string()).min(1, 'name at least one broker'))
    .prefault('127.0.0.1:9092')
    .describe('Kafka brokers, host:port, comma separated'),
  ...AnalyticsConfig.shape,
});
export type ProcessConfig = z.infer<typeof ProcessConfig>;
