import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';

const FILE = 'epoch.json';

/**
 * Takes the next epoch and makes it durable before anything is sent under it: max(last + 1, Unix seconds), so that it
 * grows also when the file was lost (design: "Spool and sending").
 */
export async function takeEpoch(folder: string, nowMs: number): Promise<number> {
  const epoch = Math.max((await lastEpoch(folder)) + 1, Math.floor(nowMs / 1000));
  await writeDurably(folder, FILE, JSON.stringify({ epoch }));
  return epoch;
}

async function lastEpoch(folder: string): Promise<number> {
  try {
    const parsed = JSON.parse(await readFile(join(folder, FILE), 'utf8')) as { epoch?: unknown };
    return typeof parsed.epoch === 'number' && Number.isSafeInteger(parsed.epoch) ? parsed.epoch : 0;
  } catch (error) {
    // None yet, or half a file of a machine that lost power: the clock gives one that is later than any used.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return 0;
    throw error;
  }
}

/** Write, fsync, rename: after a crash the file is the old one or the new one. */
export async function writeDurably(folder: string, name: string, text: string): Promise<void> {
  const draft = join(folder, `${name}.new`);
  const file = await open(draft, 'w', 0o600);
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
