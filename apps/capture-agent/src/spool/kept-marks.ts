import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { MappedFile } from '@bpfleet/linux';
import { MARKS_BYTES, MARKS_FILE, type Marks, SpoolMarks } from './spool-marks.js';

/** The marks of a spool's folder, in mapped memory. */
export class KeptMarks {
  #marks: Marks;
  #words: SpoolMarks;
  #file: MappedFile | undefined;
  #handle: FileHandle | undefined;
  #isClosed = false;

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

  /** In a new file, where somebody deleted that of this process, or where there was no place for one: the next one would know nothing. */
  async keepDeleted(folder: string): Promise<void> {
    const [file, handle] = [this.#file, this.#handle];
    if (this.#isClosed || (handle !== undefined && (await handle.stat()).nlink > 0)) return;
    const again = await KeptMarks.open(folder);
    again.hadOpenSection = this.hadOpenSection;
    this.#words = again.#words;
    this.#file = again.#file;
    this.#handle = again.#handle;
    this.commit(this.#marks);
    file?.close();
    await handle?.close();
  }

  get hadOpenSection(): boolean {
    return this.#words.hadOpenSection;
  }
  set hadOpenSection(had: boolean) {
    this.#words.hadOpenSection = had;
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
    this.#isClosed = true;
    this.#file?.close();
    this.#file = undefined;
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }
}
