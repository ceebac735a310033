import { crc32 } from 'node:zlib';
import type { BusRecord, LogPartition } from '../bus.js';
import { MemoryLog } from './memory-log.js';

/** A topic's partitions and how far each consumer group has committed them. */
export class MemoryTopic {
  readonly logs: readonly MemoryLog[];
  readonly partitions: readonly LogPartition[];
  /** Next offset of each partition, by group. A group that has once been there is waited for. */
  readonly #positions = new Map<string, bigint[]>();

  constructor(logId: string, topic: string, partitionCount: number) {
    this.logs = Array.from({ length: partitionCount }, () => new MemoryLog());
    this.partitions = this.logs.map((log, partition) => ({
      logId,
      topic,
      partition,
      bounds: () => Promise.resolve(log.bounds()),
    }));
  }

  /** Appends each record to its key's partition. Returns the last offset in each partition that got one. */
  append(records: readonly BusRecord[], timestampMs: number): Map<number, bigint> {
    const last = new Map<number, bigint>();
    for (const record of records) {
      const partition = crc32(record.key) % this.logs.length;
      last.set(partition, this.logs[partition]!.append(record, timestampMs));
    }
    return last;
  }

  addGroup(group: string): void {
    if (!this.#positions.has(group)) this.#positions.set(group, Array(this.logs.length).fill(0n));
  }

  /** Notes a group's position. Returns the bytes of records that no group needs any more. */
  committed(group: string, partition: number, next: bigint): number {
    const positions = this.#positions.get(group);
    if (positions === undefined) return 0;
    positions[partition] = next;
    return this.logs[partition]?.dropBelow(this.#committedByAll(partition)) ?? 0;
  }

  /** Whether every group has committed the record; false while there is no group. */
  isCommitted(partition: number, offset: bigint): boolean {
    return this.#positions.size > 0 && this.#committedByAll(partition) > offset;
  }

  #committedByAll(partition: number): bigint {
    let least: bigint | undefined;
    for (const positions of this.#positions.values()) {
      const next = positions[partition] ?? 0n;
      if (least === undefined || next < least) least = next;
    }
    return least ?? 0n;
  }
}
