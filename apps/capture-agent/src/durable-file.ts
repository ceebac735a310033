import { constants } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';

const { O_WRONLY, O_CREAT, O_TRUNC, O_NONBLOCK } = constants;
/** `w`, which does not wait for whoever reads the FIFO that somebody put there. */
export const WRITE = O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK;

/** Write, fsync, rename: after a crash the file is the old one or the new one. */
export async function writeDurably(folder: string, name: string, text: string | Uint8Array): Promise<void> {
  const draft = join(folder, `${name}.new`);
  const file = await open(draft, WRITE, 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, join(folder, name));
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
