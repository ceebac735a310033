import type { SegmentFiles } from './segment-files.js';

/** Deletes segments that are of no use any more. What cannot be deleted now is tried again with the next one. */
export class SegmentRemoval {
  readonly #numbers = new Set<number>();

  constructor(
    private readonly files: Pick<SegmentFiles, 'remove'>,
    /** Undefined: it works. */
    private readonly tell: (error: Error | undefined) => void,
  ) {}

  has(segment: number): boolean {
    return this.#numbers.has(segment);
  }

  add(segment: number): void {
    this.#numbers.add(segment);
  }

  /** @param safe resolves when it is safe that nobody needs them, also after a loss of power */
  async run(safe: () => Promise<void>): Promise<void> {
    if (this.#numbers.size === 0) return;
    try {
      await safe();
      for (const number of this.#numbers) {
        this.files.remove(number);
        this.#numbers.delete(number);
      }
      this.tell(undefined);
    } catch (error) {
      this.tell(error as Error);
    }
  }
}
