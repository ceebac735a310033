/** One record to publish. `key` decides the partition: records of one key stay in order. */
export interface BusRecord {
  readonly key: string;
  readonly value: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** One record as read back, with its place in the log. */
export interface ReceivedRecord {
  readonly offset: bigint;
  readonly key: string;
  readonly value: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly timestampMs: number;
  /**
   * Stands in place of records that the client cannot decode (a codec that it does not have, damaged bytes): those from
   * `first` to this one's offset. Asked for again, they may be readable.
   */
  readonly unreadable?: { readonly first: bigint; readonly reason: string };
}

/** First readable offset, and the one the next record will get. */
export interface LogBounds {
  readonly first: bigint;
  readonly end: bigint;
}

/** One partition of one log. Positions are kept by (logId, partition): a log that was replaced has another id. */
export interface LogPartition {
  readonly logId: string;
  readonly topic: string;
  readonly partition: number;
  bounds(): Promise<LogBounds>;
}

/** What a consumer does with the partitions it is given. Calls for one partition never overlap. */
export interface PartitionHandler {
  /** This consumer got the partition (again). Answers the offset to read from; kept in Postgres, not in Kafka. */
  assigned(partition: LogPartition): Promise<bigint>;
  /**
   * Records in offset order. Resolves when they are committed, with the next offset to read: after the last record, or
   * an earlier one to read again. A rejection is counted; the partition is then assigned anew and redelivered: after
   * `FENCED` when another consumer can have been given it, after `POSITION_UNKNOWN` at once.
   */
  read(partition: LogPartition, records: readonly ReceivedRecord[], signal: AbortSignal): Promise<bigint>;
  /** The partition went to another consumer. */
  revoked(partition: LogPartition): Promise<void>;
}

export interface Producer {
  start(): Promise<void>;
  /**
   * Publishes in order. Resolves when the log has them durably (in-process: when the consumer has committed them).
   * @throws BpfleetError `BUS_TIMEOUT` after `timeoutMs`; whether they arrived is then unknown: send the same bytes again
   */
  send(topic: string, records: readonly BusRecord[], timeoutMs: number): Promise<void>;
  stop(): Promise<void>;
}

export interface Consumer {
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface ConsumerOptions {
  readonly topic: string;
  readonly group: string;
  readonly handler: PartitionHandler;
  /** A failure that repeats: the process should end or say so. Single failures are retried and counted. */
  readonly onError: (error: unknown) => void;
}

/** A partitioned log with offsets. `KafkaBus` and `InProcessBus` pass the same contract tests. */
export interface Bus {
  /** Makes the topic as the contract wants it, if it is not there. */
  ensureTopic(topic: string, partitions: number): Promise<void>;
  producer(): Producer;
  consumer(options: ConsumerOptions): Consumer;
  /** host:port of what this bus talks to; empty in process. The agent keeps them out of captures. */
  endpoints(): Promise<readonly string[]>;
}
