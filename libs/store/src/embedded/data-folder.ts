import { once } from 'node:events';
import { access, constants, mkdir, mkdtemp, readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { BpfleetError } from '@bpfleet/errors';
import type { PostgresBinaries } from './binaries.js';
import type { Launcher } from './launch.js';

const UNFINISHED = '.unfinished-';

/** Makes the folder above, and answers the data folder's path without symlinks: as Postgres will see it. */
export async function resolveDataFolder(dataDir: string): Promise<string> {
  const path = resolve(dataDir);
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return await realpath(path).catch(async () => join(await realpath(dirname(path)), basename(path)));
  } catch (cause) {
    throw notWritable(dirname(path), cause);
  }
}

/**
 * Says whether the folder holds a database that we may open; false means that there is none yet.
 * Changes nothing.
 * @throws BpfleetError `DATA_FOREIGN`, `DATA_NOT_WRITABLE`, `DATA_NEWER`
 */
export async function checkDataFolder(dataDir: string, binaries: PostgresBinaries): Promise<boolean> {
  const names = await readdir(dataDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw notWritable(dataDir, error);
  });
  await refuseUnwritable(names === undefined ? dirname(dataDir) : dataDir);
  if (names === undefined || names.length === 0) return false;
  if (!names.includes('PG_VERSION')) {
    throw new BpfleetError('DATA_FOREIGN', `${dataDir} holds other files and no database`, {
      hint: 'choose an empty or a new data folder',
    });
  }
  await refuseOtherVersion(dataDir, binaries.majorVersion);
  return true;
}

async function refuseUnwritable(folder: string): Promise<void> {
  const { uid, mode } = await stat(folder);
  const us = process.geteuid?.() ?? uid;
  // The folder above may be shared; the data folder itself may not: Postgres refuses what another user owns.
  if (uid !== us && (await readdir(folder)).includes('PG_VERSION')) {
    throw new BpfleetError('DATA_FOREIGN', `the data folder ${folder} belongs to user ${uid}, this is user ${us}`, {
      hint: `start as user ${uid}, or choose another data folder`,
    });
  }
  try {
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw notWritable(folder, cause);
  }
  // access(2) lets root pass, but Postgres runs without root's rights.
  if (uid === us && (mode & 0o700) !== 0o700) throw notWritable(folder);
}

async function refuseOtherVersion(dataDir: string, ours: number): Promise<void> {
  const found = (await readFile(join(dataDir, 'PG_VERSION'), 'utf8')).trim();
  if (Number.parseInt(found, 10) === ours) return;
  const isNewer = Number.parseInt(found, 10) > ours;
  throw new BpfleetError(
    'DATA_NEWER',
    `the data folder ${dataDir} was written by Postgres ${found}, this bpfleet runs Postgres ${ours}`,
    { hint: isNewer ? 'update bpfleet, or choose another data folder' : 'choose another data folder' },
  );
}

/**
 * Makes an empty database beside `dataDir` and moves it there when it is complete: a kill in between leaves no half one.
 */
export async function initialise(dataDir: string, binaries: PostgresBinaries, launcher: Launcher): Promise<void> {
  await removeUnfinished(dataDir);
  const unfinished = await mkdtemp(`${dataDir}${UNFINISHED}`).catch((cause: unknown) => {
    throw notWritable(dirname(dataDir), cause);
  });
  const child = launcher.spawn(binaries.initdb, [
    ...['--pgdata', unfinished, '--username=postgres', '--auth=trust', '--no-sync'],
    ...['--locale=C', '--encoding=UTF8', '--no-instructions'],
  ]);
  const problem = await Promise.all([once(child, 'exit') as Promise<[number | null]>, text(child.stderr!)]).then(
    ([[code], output]) => (code === 0 ? undefined : output.trim()),
    // Not even started: no `unshare`, or no user namespaces.
    (error: Error) => error.message,
  );
  if (problem !== undefined) {
    await rm(unfinished, { recursive: true, force: true });
    throw new BpfleetError('STORE_UNAVAILABLE', `cannot make a database in ${dataDir}: ${problem}`, {
      hint: 'as root this needs user namespaces (unshare of util-linux); start as another user, or set BPFLEET_POSTGRES_URL',
    });
  }
  // Replaces an empty folder, refuses a full one (rename(2)).
  await rename(unfinished, dataDir);
}

/** What an initdb left that was killed. Its last child may still be writing: then the next start removes it. */
async function removeUnfinished(dataDir: string): Promise<void> {
  const prefix = `${basename(dataDir)}${UNFINISHED}`;
  const left = (await readdir(dirname(dataDir))).filter((name) => name.startsWith(prefix));
  const remove = (name: string) => rm(join(dirname(dataDir), name), { recursive: true, force: true });
  await Promise.allSettled(left.map(remove));
}

function notWritable(folder: string, cause?: unknown): BpfleetError {
  return new BpfleetError('DATA_NOT_WRITABLE', `the data folder cannot be written: ${folder}`, {
    cause,
    hint: 'give this user the right to write there, or choose another data folder',
  });
}
