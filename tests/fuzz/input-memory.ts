import { getHeapStatistics } from 'node:v8';

/** Garbage included: the longest inputs have some KiB. */
const MOST_BYTES_OF_ONE = 64 * 2 ** 20;
/** Of the whole process, in which others test at the same time: only what no test of this project needs is too much. */
const MOST_RESIDENT_BYTES_MORE = 2 ** 30;

/**
 * How much memory reading one input takes, even if it is given back. It is seen when the input was read, also where no page
 * was touched; what was collected before that has been in the process's high-water mark, which never falls.
 */
export class InputMemory {
  /** What one input took at most. */
  mostOfOne = 0;
  readonly #residentBefore = mostResidentBytes();

  /** @throws RangeError when reading takes more than any input may */
  around<T>(read: () => T): T {
    const before = allocatedBytes();
    try {
      return read();
    } finally {
      // Also of what is refused: that is most of it, and an error about memory goes before the refusal.
      this.#took(allocatedBytes() - before);
    }
  }

  /**
   * How much the process's high-water mark rose.
   * @throws RangeError when that is more than all inputs and whoever else tests here may need
   */
  look(): number {
    const bytes = mostResidentBytes() - this.#residentBefore;
    if (bytes > MOST_RESIDENT_BYTES_MORE) throw new RangeError(`the process has had ${bytes} bytes more`);
    return bytes;
  }

  #took(bytes: number): void {
    if (bytes > MOST_BYTES_OF_ONE) throw new RangeError(`one input takes ${bytes} bytes of memory`);
    this.mostOfOne = Math.max(this.mostOfOne, bytes);
  }
}

/** Of this thread. `process.memoryUsage` says the same, and takes thirty times as long: too long around each input. */
function allocatedBytes(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}

const mostResidentBytes = (): number => process.resourceUsage().maxRSS * 1024;
