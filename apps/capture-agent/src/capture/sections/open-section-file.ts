import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MappedFile } from '@bpfleet/linux';
import { OPEN_SECTION_FILE, OpenSection } from './open-section.js';
import { SECTION_CAPACITY_BYTES } from './section-assembler.js';

export interface OpenSectionFile {
  readonly memory: ArrayBuffer;
  /** Why it is memory of this process alone: the disk is full, read-only, or broken. A kill -9 loses what is in it then. */
  readonly trouble: Error | undefined;
  close(): void;
}

/** The file of the open section in a spool's folder; where the disk takes none, a copy of what is there, or zeros. */
export function openSectionFile(folder: string): OpenSectionFile {
  const path = join(folder, OPEN_SECTION_FILE);
  const sizeBytes = OpenSection.sizeBytes(SECTION_CAPACITY_BYTES);
  try {
    const file = MappedFile.open(path, sizeBytes);
    return { memory: file.memory, trouble: undefined, close: () => file.close() };
  } catch (error) {
    const memory = new ArrayBuffer(sizeBytes);
    new Uint8Array(memory).set(readIfThere(path).subarray(0, sizeBytes));
    return { memory, trouble: error as Error, close: () => {} };
  }
}

function readIfThere(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch {
    // Nothing was left, or nobody can read it: the trouble is told already.
    return new Uint8Array();
  }
}
