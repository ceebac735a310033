import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { BpfleetError } from '@bpfleet/errors';

/** Says that a data folder has an owner; the kernel gives it up when the owner dies, however it dies. */
export interface FolderLock {
  release(): Promise<void>;
}

/**
 * Makes this process the only owner of `folder`, by listening on an abstract unix socket (unix(7)) named after it:
 * unlike a file with a process id it cannot be left behind by a kill. It is seen within one network namespace.
 * @throws BpfleetError `DATA_IN_USE` when another process holds it
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const server = createServer((socket) => socket.destroy());
  // The lock alone must not keep the process alive.
  server.unref();
  try {
    await listen(server, `\0bpfleet-data-${createHash('sha256').update(folder).digest('hex').slice(0, 32)}`);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    throw new BpfleetError('DATA_IN_USE', `the data folder ${folder} is in use by another running bpfleet`, {
      cause,
      hint: 'stop that one first, or choose another data folder',
    });
  }
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path }, () => resolve());
  });
}
