import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Second octets of 10.N.0.0/16 and, in the same digits, of fdN::/16: so many sets of hosts can exist at once. */
const octets = Array.from({ length: 23 }, (_, index) => 77 + index);

/** Everything the set with this number names begins so: namespaces, and the root namespace's interface. */
export const prefixOf = (octet: number): string => `bpf${octet}`;

/** The right to one number. It ends with `release`, or with the process. */
export interface Claim {
  readonly octet: number;
  release(): Promise<void>;
}

/**
 * Takes the first number that nobody uses: no other run, and no route of this machine.
 * A claim is an abstract Unix socket: taken atomically, and freed by the kernel however the process ends. So whatever
 * carries the number when it is claimed was left by a run that is dead.
 */
export async function claimNumber(): Promise<Claim> {
  for (const octet of octets) {
    const claim = await tryClaim(octet);
    if (claim === undefined) continue;
    await removeLeftovers(octet);
    const isRouted = new RegExp(`\\b10\\.${octet}\\.`).test(await routes());
    if (!isRouted) return claim;
    await claim.release();
  }
  throw new Error(
    `no free network for test hosts: all of 10.${octets[0]}.0.0/16 to 10.${octets.at(-1)}.0.0/16 are in use`,
  );
}

/** Removes what dead runs left under other numbers than the one just claimed. */
export async function removeAbandoned(): Promise<void> {
  const names = await namespaces();
  for (const octet of octets.filter((octet) => names.some((name) => name.startsWith(prefixOf(octet))))) {
    const claim = await tryClaim(octet);
    if (claim === undefined) continue;
    await removeLeftovers(octet);
    await claim.release();
  }
}

/** Removes the namespaces of a number, with the processes in them and the interfaces. */
export async function removeLeftovers(octet: number): Promise<void> {
  const names = (await namespaces()).filter((name) => name.startsWith(prefixOf(octet)));
  if (names.length === 0) return;
  // The pair to this machine first, and by name: what goes with a namespace goes only some time after the command.
  await run('ip', ['link', 'delete', prefixOf(octet)]).catch(() => undefined);
  for (const name of names) {
    const { stdout } = await run('ip', ['netns', 'pids', name]);
    for (const pid of stdout.split(/\s+/).filter(Boolean)) kill(Number(pid));
    await run('ip', ['netns', 'delete', name]);
  }
}

async function routes(): Promise<string> {
  return (await run('ip', ['-4', 'route', 'show', 'table', 'all'])).stdout;
}

async function namespaces(): Promise<string[]> {
  const { stdout } = await run('ip', ['netns', 'list']);
  return stdout.split('\n').flatMap((line) => line.split(' ', 1)[0] || []);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile, which is what was wanted.
  }
}

async function tryClaim(octet: number): Promise<Claim | undefined> {
  const server = createServer();
  server.listen({ path: `\0bpfleet-test-hosts-${octet}` });
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
  server.unref();
  return { octet, release: () => close(server) };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
