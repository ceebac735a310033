import { randomBytes } from 'node:crypto';
import { createWriteStream, type WriteStream } from 'node:fs';
import { open, readlink, rename, rm, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';

/** An open file by its number: standard output may be a file that others write to as well. */
const DESCRIPTOR = /^\/(?:dev\/(?:stdout|stderr|fd\/\d+)|proc\/(?:self|\d+)\/fd\/\d+)$/;

/** Writes straight into what a path names; behind what an open file holds already. */
export const writtenAsItComes = (path: string): WriteStream =>
  createWriteStream(path, { flags: DESCRIPTOR.test(path) ? 'a' : 'w' });

/** Whether a path names a file, or nothing yet: a pipe, a device or an open file cannot be replaced by a finished one. */
export async function isReplaceable(path: string): Promise<boolean> {
  return !DESCRIPTOR.test(path) && ((await infoOf(path))?.isFile() ?? true);
}

/**
 * Writes a file that appears, or replaces an older one, only when it is whole. Until then it stands beside it, under a
 * name that nobody else has, and is removed when `fill` fails.
 * @returns its length
 */
export async function writeWhole(path: string, fill: (file: WriteStream) => Promise<void>): Promise<number> {
  const old = await infoOf(path);
  const mode = old && old.mode & 0o777;
  const target = await behindLinks(path);
  const part = join(dirname(target), `.bpfleet-${randomBytes(8).toString('hex')}.part`);
  const file = await open(part, 'wx', mode);
  const stream = file.createWriteStream();
  try {
    // The umask took some of it.
    if (mode !== undefined) await file.chmod(mode);
    await fill(stream);
    await rename(part, target);
    return stream.bytesWritten;
  } catch (error) {
    stream.destroy();
    await rm(part, { force: true });
    throw error;
  }
}

/** Undefined: there is nothing. */
async function infoOf(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
}

/** What a path names behind all links, also where it does not exist yet, as `realpath` wants it to. `stat` followed them before. */
async function behindLinks(path: string): Promise<string> {
  const link = await readlink(path).catch(() => undefined);
  if (link === undefined) return path;
  // Not joined: in a folder that is a link, `..` is another one.
  return behindLinks(isAbsolute(link) ? link : `${dirname(path)}/${link}`);
}
