import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { MappedFile } from '@bpfleet/linux';
import { MARKS_BYTES, MARKS_FILE, type Marks, SpoolMarks } from './spool-marks.js';

/** The marks of a spool's folder, in mapped memory. */
export class KeptMarks {
  #marks: Marks;
  readonly #words: SpoolMarks;
  #file: MappedFile | undefined;
  #handle: FileHandle | undefined;

  private constructor(memory: ArrayBuffer, file?: MappedFile, handle?: FileHandle) {
    this.#words = new SpoolMarks(memory);
    this.#marks = this.#words.read();
    this.#file = file;
    this.#handle = handle;
  }

  static async open(folder: string): Promise<KeptMarks> {
    const path = join(folder, MARKS_FILE);
    const file = MappedFile.open(path, MARKS_BYTES);
    return new KeptMarks(file.memory, file, await open(path, 'r'));
  }

  /** Where there is no place for a file: the process after this one sends again what is still there. */
  static inMemory(): KeptMarks {
    return new KeptMarks(new ArrayBuffer(MARKS_BYTES));
  }

  /** Nothing is known of how far a process before was. */
  get areNew(): boolean {
    return this.#words.areNew;
  }

  get marks(): Marks {
    return this.#marks;
  }

  commit(marks: Marks): void {
    this.#marks = marks;
    if (this.#file) this.#words.write(marks);
  }

  /** Safe from a loss of power: needed before what they count is deleted. fdatasync writes mapped pages too. */
  async sync(): Promise<void> {
    await this.#handle?.datasync();
  }

  async close(): Promise<void> {
    this.#file?.close();
    this.#file = undefined;
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }
}
