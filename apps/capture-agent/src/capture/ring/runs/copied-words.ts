import type { CopiedRun } from '../../sections/run.js';

/** Words that the loop of WebAssembly leaves behind, by their places. */
export const RESULT = {
  endBytes: 0,
  next: 1,
  keptBytes: 2,
  truncated: 3,
  wants: 4,
  oldestSeconds: 5,
  oldestNanoseconds: 6,
  newestSeconds: 7,
  newestNanoseconds: 8,
} as const;
export const RESULT_WORDS = Object.keys(RESULT).length;

/** Those words, each read when it is asked for. */
export class CopiedWords implements CopiedRun {
  constructor(private readonly words: Uint32Array) {}

  get endBytes(): number {
    return this.words[RESULT.endBytes]!;
  }
  /** The address behind the last packet. */
  get next(): number {
    return this.words[RESULT.next]!;
  }
  get keptBytes(): number {
    return this.words[RESULT.keptBytes]!;
  }
  get truncated(): number {
    return this.words[RESULT.truncated]!;
  }
  get wants(): number {
    return this.words[RESULT.wants]!;
  }
  get oldestSeconds(): number {
    return this.words[RESULT.oldestSeconds]!;
  }
  get oldestNanoseconds(): number {
    return this.words[RESULT.oldestNanoseconds]!;
  }
  get newestSeconds(): number {
    return this.words[RESULT.newestSeconds]!;
  }
  get newestNanoseconds(): number {
    return this.words[RESULT.newestNanoseconds]!;
  }
}
