import type { ConsumerOptions, LogPartition } from '../bus.js';
import { PartitionReader, type RecordSource } from '../partition/partition-reader.js';
import { PartitionSlot } from '../partition/partition-slot.js';
import type { RetryDelay } from '../retry-delay.js';

type Member = Pick<ConsumerOptions, 'handler' | 'onError'>;

/** The consumers of one group on one topic, and which of them has which partition. */
export class MemoryGroup {
  readonly #members: Member[] = [];
  readonly #slots: readonly PartitionSlot[];
  readonly #owners: (Member | undefined)[];

  constructor(
    private readonly partitions: readonly LogPartition[],
    private readonly sourceOf: (partition: number) => RecordSource,
    private readonly delay: RetryDelay,
  ) {
    this.#owners = partitions.map(() => undefined);
    this.#slots = partitions.map(
      (_, partition) => new PartitionSlot((error) => this.#owners[partition]?.onError(error)),
    );
  }

  join(member: Member): void {
    this.#members.push(member);
    void this.#rebalance();
  }

  /** Resolves when the member's handler has given all its partitions back. */
  async leave(member: Member): Promise<void> {
    const at = this.#members.indexOf(member);
    if (at < 0) return;
    this.#members.splice(at, 1);
    await this.#rebalance();
  }

  /** Round robin, as Kafka's assigner does. Who keeps a partition is not disturbed. */
  async #rebalance(): Promise<void> {
    const handOvers = this.partitions.map((partition, index) => {
      const owner = this.#members[index % this.#members.length];
      if (owner === this.#owners[index]) return undefined;
      this.#owners[index] = owner;
      return this.#slots[index]?.handOver(owner && this.#readerFor(owner, partition));
    });
    await Promise.all(handOvers);
  }

  #readerFor({ handler, onError }: Member, partition: LogPartition): PartitionReader {
    return new PartitionReader(handler, partition, this.sourceOf(partition.partition), onError, this.delay);
  }
}
