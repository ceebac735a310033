import type { ConnectionOptions } from 'node:tls';
import type { SASLOptions } from 'kafkajs';
import type { RetryDelay } from '../retry-delay.js';

/** What pino has, as far as it is used here. */
export interface BusLogger {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

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
}
