import { commaSeparated, HostPort, HttpConfig, LogConfig, Port, PostgresConfig } from '@bpfleet/service';
import { z } from 'zod';

/** What the filter-manager itself is told, wherever it runs. */
export const FilterManagerConfig = z.object({
  excludedEndpoints: commaSeparated(HostPort)
    .default([])
    .describe('host:port,… of Kafka, Postgres and the services: agents keep this traffic out of every capture'),
  flushWindowMs: z.coerce
    .number()
    .int()
    .min(10)
    .max(60_000)
    .default(200)
    .describe('ms an agent gathers packets before it sends them; what a killed agent may lose'),
  reportIntervalMs: z.coerce
    .number()
    .int()
    .min(500)
    .max(600_000)
    .default(60_000)
    .describe('ms between the status reports of an agent to which nothing happens'),
  runHours: z.coerce
    .number()
    .nonnegative()
    .max(10 * 365 * 24)
    .default(30 * 24)
    .describe('hours that agents go on with what they run while they hear nothing of this service; 0: for ever'),
  signingKey: z.string().optional().meta({
    description:
      'Ed25519 key in PEM that signs what agents run; without it the service makes one and keeps it in the database',
    secret: true,
  }),
  enrolmentToken: z.string().min(1).max(1024).optional().meta({
    description: 'secret that agents enrol with; without it every agent that reaches the service may',
    secret: true,
  }),
});
export type FilterManagerConfig = z.infer<typeof FilterManagerConfig>;

/** The environment of the process: the above, and what it connects to. */
export const ProcessConfig = z.object({
  ...HttpConfig.shape,
  port: Port.default(7420).describe('port to listen on'),
  ...LogConfig.shape,
  ...PostgresConfig.shape,
  ...FilterManagerConfig.shape,
});
export type ProcessConfig = z.infer<typeof ProcessConfig>;
