import type { ConnectionOptions } from 'node:tls';
import type { SASLOptions } from 'kafkajs';
import type { RetryDelay } from '../retry-delay.js';

/** What pino has, as far as it is used here. */
export interface BusLogger {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Told what becomes of connections, for metrics. */
export interface ConnectionWatch {
  /** A connection to a broker is opened. */
  opened(): void;
  /** A producer gives a client up with its connections, since it failed or did not answer: the next one is made anew. */
  gaveUp(): void;
  /** A producer asked where partitions are: first, after each failure, and each five minutes. */
  askedForMetadata(): void;
}

/** Told how long a consumer waited for Kafka, for metrics. */
export interface ConsumerWatch {
  /** For the answer to a request, until its time ran out, or, where nothing at all was heard, until the session was ended. */
  waited(ms: number): void;
}

export const defaultPartitionsAtOnce = 4;

export interface KafkaBusOptions {
  /** `host:port`, where the first connection is tried. */
  readonly brokers: readonly string[];
  /** Shown in the broker's logs and quotas. */
  readonly clientId: string;
  /**
   * What tells our own Kafka from one that was set up anew under the same cluster id; kept beside the positions. Needed
   * to consume, asked each time a connection is made.
   */
  readonly ownId?: () => Promise<string>;
  /** A consumer that is silent for this long loses its partitions. The broker's default minimum is 6 s. */
  readonly sessionTimeoutMs?: number;
  /** An answer that takes longer counts as none. */
  readonly requestTimeoutMs?: number;
  /** Copies of each new topic; -1 for the broker's default. */
  readonly replicationFactor?: number;
  /** Partitions of one consumer whose `read` may run at the same time. */
  readonly partitionsAtOnce?: number;
  /** At most this many bytes of values are handed to one `read`, or one record. */
  readonly maxReadBytes?: number;
  readonly retryDelay?: RetryDelay;
  readonly tls?: ConnectionOptions;
  readonly sasl?: SASLOptions;
  /** What kafkajs has to say. Nothing is logged without. */
  readonly logger?: BusLogger;
  readonly watch?: ConnectionWatch;
  readonly consumerWatch?: ConsumerWatch;
}
