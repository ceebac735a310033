import { join } from 'node:path';
import { MappedFile } from '@bpfleet/linux';
import { readStateFile } from '../../state-file.js';

export interface KeptMemory {
  readonly memory: ArrayBuffer;
  /** Why it is memory of this process alone: the disk is full, read-only, or broken. A kill -9 loses what is in it then. */
  readonly trouble: Error | undefined;
  /** Of the file, where it is one. */
  readonly descriptor: number | undefined;
  close(): void;
}

/** A file of a spool's folder as memory that outlives the process; where the disk takes none, a copy of what is there, or zeros. */
export function keptMemory(folder: string, name: string, sizeBytes: number): KeptMemory {
  const path = join(folder, name);
  try {
    const file = MappedFile.open(path, sizeBytes);
    return { memory: file.memory, trouble: undefined, descriptor: file.descriptor, close: () => file.close() };
  } catch (error) {
    const memory = new ArrayBuffer(sizeBytes);
    new Uint8Array(memory).set(readIfThere(path, sizeBytes));
    return { memory, trouble: error as Error, descriptor: undefined, close: () => {} };
  }
}

function readIfThere(path: string, sizeBytes: number): Uint8Array {
  try {
    return readStateFile(path, sizeBytes);
  } catch {
    // Nothing was left, or nobody can read it: the trouble is told already.
    return new Uint8Array();
  }
}
