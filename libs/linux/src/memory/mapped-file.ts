import { closeSync, constants, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { type Address, mapNothing, mapShared, viewMemory } from '../calls/libc.js';

/** `a+`, which does not wait where a FIFO or a device stands in the file's place. */
const OPEN = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

/**
 * A file as memory, MAP_SHARED: what is written there is in the file at once for every other process, and stays when this
 * one is killed. (Not when the machine loses power: the kernel writes it to the disk when it likes.)
 */
export class MappedFile {
  #isOpen = true;

  private constructor(
    readonly memory: ArrayBuffer,
    private readonly address: Address,
    /** Of the file, for others who map it too. */
    readonly descriptor: number,
  ) {}

  /** Opens the file, or makes it of zeros; it gets this size. @throws the error of `node:fs` (disk full too), SystemCallError */
  static open(path: string, sizeBytes: number): MappedFile {
    const fd = openSync(path, OPEN, 0o600);
    try {
      if (!fstatSync(fd).isFile()) throw new Error(`${path} is no regular file`);
      resize(fd, sizeBytes);
      const address = mapShared(fd, sizeBytes);
      return new MappedFile(viewMemory(address, sizeBytes), address, fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /**
   * Lets go of the file. `memory`, and views of it that somebody kept, hold zeros from here on, and what is written there is
   * lost: V8 cannot detach them, and an address that is gone would end the process. So the addresses stay taken.
   */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    mapNothing(this.address, this.memory.byteLength);
    closeSync(this.descriptor);
  }
}

/** Zeros are written, not left out: a page without a place on the disk ends the process (SIGBUS) when the disk is full. */
function resize(fd: number, sizeBytes: number): void {
  const { size } = fstatSync(fd);
  if (size > sizeBytes) ftruncateSync(fd, sizeBytes);
  const zeros = new Uint8Array(Math.min(Math.max(0, sizeBytes - size), 65_536));
  for (let at = size; at < sizeBytes; ) at += writeSync(fd, zeros, 0, Math.min(zeros.length, sizeBytes - at));
}
