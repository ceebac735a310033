import { readdirSync, readFileSync } from 'node:fs';

/** What a process may still do: the most that any of its threads may. */
export interface Confinement {
  /** Seccomp filters, counted; a container's own is one of them. Undefined where the kernel does not count (before 5.9). */
  readonly filters: number | undefined;
  /** Every thread has a seccomp filter. */
  readonly isFiltered: boolean;
  /** No program that it runs gets more privileges than it has. */
  readonly hasNoNewPrivileges: boolean;
  /** CapEff, a bit for each capability: 0 for none. */
  readonly capabilities: bigint;
  /** A user id of it is root's, as this process sees them: in a user namespace it has root's files all the same. */
  readonly isRoot: boolean;
}

/** SECCOMP_MODE_FILTER */
const MODE_FILTER = 2;

/**
 * Reads how a process is confined from its threads' `status` in /proc. The opener asks it of the agent's process: what that says
 * of itself proves nothing.
 * @throws the error of `node:fs`, `ENOENT` when there is no such process
 */
export function confinement(pid: number | 'self' = 'self'): Confinement {
  const threads = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readThread(`/proc/${pid}/task/${thread}/status`),
  );
  // It has just ended.
  if (threads.length === 0) threads.push(readStatus(''));
  const counts = threads.map(({ filters }) => filters).filter((count) => count !== undefined);
  return {
    filters: counts.length === 0 ? undefined : Math.min(...counts),
    isFiltered: threads.every(({ mode }) => mode === MODE_FILTER),
    hasNoNewPrivileges: threads.every(({ noNewPrivileges }) => noNewPrivileges),
    capabilities: threads.reduce((all, { capabilities }) => all | capabilities, 0n),
    isRoot: threads.some(({ isRoot }) => isRoot),
  };
}

/**
 * Whether a process that this one started is confined, by more than it inherited: it has a filter of its own, no privileges to
 * gain, no capability, and is not root: whose files and processes need no capability.
 */
export function isConfined(child: Confinement, ours: Confinement = confinement()): boolean {
  const hasOwnFilter =
    child.filters !== undefined && ours.filters !== undefined
      ? child.filters > ours.filters
      : child.isFiltered && !ours.isFiltered;
  return child.isFiltered && hasOwnFilter && child.hasNoNewPrivileges && child.capabilities === 0n && !child.isRoot;
}

/** A field that is missing counts as not confined. */
interface Thread {
  readonly mode: number;
  readonly filters: number | undefined;
  readonly noNewPrivileges: boolean;
  readonly capabilities: bigint;
  readonly isRoot: boolean;
}

/** None where the thread has just ended. */
function readThread(path: string): Thread[] {
  let status: string;
  try {
    status = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return [];
    throw error;
  }
  return [readStatus(status)];
}

function readStatus(status: string): Thread {
  const field = (name: string) => new RegExp(`^${name}:\\s*(\\w+)$`, 'm').exec(status)?.[1];
  const filters = field('Seccomp_filters');
  return {
    mode: Number(field('Seccomp') ?? 0),
    filters: filters === undefined ? undefined : Number(filters),
    noNewPrivileges: field('NoNewPrivs') === '1',
    capabilities: BigInt(`0x${field('CapEff') ?? 'ffffffffffffffff'}`),
    // Real, effective, saved, of the file system.
    isRoot: !/^Uid:(\s+[1-9]\d*){4}$/m.test(status),
  };
}
