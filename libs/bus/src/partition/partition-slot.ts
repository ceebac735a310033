import type { PartitionReader } from './partition-reader.js';

/**
 * The one place from which a partition is read. Hands it from reader to reader so that two never overlap: the next one
 * starts when the one before has come back from its handler.
 */
export class PartitionSlot {
  #reader: PartitionReader | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(private readonly onError: (error: unknown) => void) {}

  /**
   * Gives the partition to `next`, or to nobody. The reader before is aborted at once; its handler hears `revoked` unless
   * it keeps the partition. Resolves when the hand-over is done.
   */
  handOver(next: PartitionReader | undefined): Promise<void> {
    const before = this.#reader;
    this.#reader = next;
    void before?.stop();
    this.#turn = this.#turn.then(async () => {
      if (before !== undefined) await this.#end(before, next);
      // A reader that was itself replaced meanwhile starts, finds itself stopped, and ends.
      next?.start();
    });
    return this.#turn;
  }

  async #end(before: PartitionReader, next: PartitionReader | undefined): Promise<void> {
    await before.stop();
    if (before.handler === next?.handler || !before.wasAssigned) return;
    try {
      await before.handler.revoked(before.partition);
    } catch (error) {
      this.onError(error);
    }
  }
}
