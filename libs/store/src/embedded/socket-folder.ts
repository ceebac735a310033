import { createHash } from 'node:crypto';
import { lstat, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BpfleetError } from '@bpfleet/errors';

/** `sizeof(sun_path) - 1`, unix(7). */
const MAX_SOCKET_PATH_BYTES = 107;
const SOCKET_NAME = '.s.PGSQL.5432';

/**
 * An empty folder for the socket, which only this user can enter: Postgres trusts whoever reaches the socket.
 * It lies under the temporary folder because a data folder's path may be too long for a socket, and it is named after
 * the data folder, so that what a killed process left is found and cleaned by the next.
 */
export async function makeSocketFolder(dataDir: string): Promise<string> {
  const name = `bpfleet-${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`;
  const fits = (folder: string) => Buffer.byteLength(join(folder, name, SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES;
  const folder = join([tmpdir(), '/tmp'].find(fits) ?? '/tmp', name);
  await refuseIfForeign(folder);
  await rm(folder, { recursive: true, force: true });
  // Without `recursive`: if somebody made it in between, this fails.
  await mkdir(folder, { mode: 0o700 });
  return folder;
}

async function refuseIfForeign(folder: string): Promise<void> {
  const found = await lstat(folder).catch(() => undefined);
  if (!found || found.uid === process.geteuid?.()) return;
  throw new BpfleetError(
    'DATA_FOREIGN',
    `${folder}, the place of the database's socket, belongs to user ${found.uid}`,
    {
      hint: 'remove it, or start as that user',
    },
  );
}
