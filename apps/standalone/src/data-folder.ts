import { access, constants, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BpfleetError } from '@bpfleet/errors';
import { makeFolder } from '@bpfleet/service';

/** Grows when the layout below the data folder changes so that an older bpfleet must not touch it. */
const FORMAT = 1;
const FORMAT_FILE = 'format';

export interface DataFolder {
  readonly postgres: string;
  readonly agent: string;
}

/**
 * Makes the data folder, or checks one that is there.
 * @throws BpfleetError `DATA_FOREIGN` (another user's), `DATA_NEWER`, `DATA_NOT_WRITABLE`; nothing is written then
 */
export async function openDataFolder(folder: string): Promise<DataFolder> {
  try {
    await makeFolder(folder);
    await refuseForeign(folder);
    await access(folder, constants.W_OK | constants.X_OK);
    const found = await formatOf(folder);
    if (found === undefined) await claim(folder);
    else if (found > FORMAT) throw newer(folder, found);
  } catch (cause) {
    if (cause instanceof BpfleetError) throw cause;
    throw new BpfleetError('DATA_NOT_WRITABLE', `cannot write the data folder ${folder}: ${(cause as Error).message}`, {
      cause,
      hint: 'make it writable, or name another with --data DIR',
    });
  }
  return { postgres: join(folder, 'postgres'), agent: join(folder, 'agent') };
}

/** A folder that holds something else is not made ours. */
async function claim(folder: string): Promise<void> {
  if ((await readdir(folder)).length > 0) throw foreign(folder);
  await writeFile(join(folder, FORMAT_FILE), `${FORMAT}\n`, { mode: 0o600 });
}

const foreign = (folder: string): BpfleetError =>
  new BpfleetError('DATA_FOREIGN', `${folder} holds other files, and no data of bpfleet`, {
    hint: 'name an empty or a new folder with --data DIR',
  });

async function refuseForeign(folder: string): Promise<void> {
  const { uid } = await stat(folder);
  const us = process.geteuid?.();
  if (us === undefined || uid === us) return;
  throw new BpfleetError('DATA_FOREIGN', `the data folder ${folder} belongs to user ${uid}, this is user ${us}`, {
    hint: `start as user ${uid}, or name another folder with --data DIR`,
  });
}

async function formatOf(folder: string): Promise<number | undefined> {
  try {
    const text = await readFile(join(folder, FORMAT_FILE), 'utf8');
    if (!/^\d{1,6}\n?$/.test(text)) throw foreign(folder);
    return Number(text);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function newer(folder: string, found: number): BpfleetError {
  return new BpfleetError('DATA_NEWER', `the data folder ${folder} has format ${found}, this bpfleet knows ${FORMAT}`, {
    hint: 'start the newer bpfleet again, or name another folder with --data DIR',
  });
}
