import { readdir, readFile, readlink, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BpfleetError } from '@bpfleet/errors';

/** Each signal gets this long; a fast shutdown under load writes its last checkpoint in that time. */
const PATIENCE_MS = { SIGINT: 8_000, SIGQUIT: 4_000, SIGKILL: 4_000 } as const;
const POLL_MS = 5;

/**
 * Ends a Postgres that outlived the process which started it, and everything else of Postgres on this folder.
 * The caller owns the folder, so that whatever still runs there has nobody. First a fast shutdown (SIGINT), then an
 * immediate one (SIGQUIT; recovery replays the log), at last SIGKILL.
 * @throws BpfleetError `DATA_IN_USE` when it does not go away
 */
export async function endOrphans(dataDir: string): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    const running = await postgresOn(dataDir);
    if (running.length === 0) return forgetPidFile(dataDir);
    const postmaster = await pidInFile(dataDir);
    const first = running.find((pid) => pid === postmaster);
    // Backends follow their postmaster; without one they notice its death by themselves, SIGQUIT is for those that do not.
    for (const pid of first === undefined || signal === 'SIGKILL' ? running : [first]) send(pid, signal);
    if (await waitUntilGone(dataDir, PATIENCE_MS[signal])) return forgetPidFile(dataDir);
  }
  throw new BpfleetError('DATA_IN_USE', `a Postgres still runs on ${dataDir} and does not stop`, {
    hint: `end it by hand: process ${(await postgresOn(dataDir)).join(', ')}`,
  });
}

/** Process ids of postmaster and backends: a Postgres stands in its data folder (`/proc/PID/cwd`, proc(5)). */
export async function postgresOn(dataDir: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const owned = await Promise.all(pids.map((pid) => isPostgresOn(pid, dataDir)));
  return pids.filter((_, index) => owned[index]);
}

async function isPostgresOn(pid: number, dataDir: string): Promise<boolean> {
  try {
    const folder = await readlink(`/proc/${pid}/cwd`);
    if (folder !== dataDir) return false;
    const program = basename(await readlink(`/proc/${pid}/exe`)).replace(/ \(deleted\)$/, '');
    return program === 'postgres';
  } catch {
    // Gone meanwhile, or another user's: neither is ours.
    return false;
  }
}

async function pidInFile(dataDir: string): Promise<number | undefined> {
  const text = await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

// Not our child: the kernel tells nobody but its parent when it ends.
async function waitUntilGone(dataDir: string, patienceMs: number): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  while ((await postgresOn(dataDir)).length > 0) {
    if (performance.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

/**
 * A killed Postgres leaves `postmaster.pid`. Its process id may by now be another program's (always so in a container,
 * where ids repeat), and Postgres would then refuse to start.
 */
function forgetPidFile(dataDir: string): Promise<void> {
  return rm(join(dataDir, 'postmaster.pid'), { force: true });
}
