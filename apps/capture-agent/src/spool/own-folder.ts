import { setTimeout as delay } from 'node:timers/promises';
import { BpfleetError } from '@bpfleet/errors';
import { FolderLock, SystemCallError } from '@bpfleet/linux';
import { makeFolder } from '@bpfleet/service';
import type { Logger } from 'pino';
import { diskAdvice } from '../disk-advice.js';

/** So long the kernel may take to end a process that was killed, on a host that is busy. */
const ENDING_MS = 2_000;
const POLL_MS = 50;

/**
 * Makes the spool's folder, for this process alone: two would write the same segments.
 * @returns undefined where its file system knows no locks, which is logged
 * @throws BpfleetError `DATA_NOT_WRITABLE`; `DATA_IN_USE`, which says who holds it
 */
export async function ownFolder(folder: string, logger: Logger): Promise<FolderLock | undefined> {
  await make(folder);
  for (const deadlineMs = performance.now() + ENDING_MS; ; ) {
    try {
      return FolderLock.take(folder);
    } catch (err) {
      if (err instanceof SystemCallError) {
        logger.warn({ err, folder }, 'the spool cannot be locked: see that no second agent uses it');
        return undefined;
      }
      if (!(err instanceof BpfleetError) || err.code !== 'DATA_IN_USE') throw err;
      if (performance.now() > deadlineMs) {
        logger.error({ err }, 'another process uses the spool');
        throw err;
      }
    }
    await delay(POLL_MS);
  }
}

async function make(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
  } catch (cause) {
    const { message } = cause as Error;
    throw new BpfleetError('DATA_NOT_WRITABLE', `the agent cannot spool in ${folder}: ${message}`, {
      cause,
      hint: diskAdvice(message, 'make the folder writable, or name another with BPFLEET_AGENT_SPOOL_DIR'),
    });
  }
}
