import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { writeFileSync } from 'node:fs';

/**
 * user_namespaces(7): first id inside, first id outside, how many. Root is 1000 inside, whoever is n+1 outside is n up to
 * there, all others keep their number. A capability works on a file only where its owner is mapped: so all are.
 */
const ID_MAP = '0 1 1000\n1000 0 1\n1001 1001 4294966294\n';

/** Says that it stands in its namespace, waits until the ids are mapped, and becomes the program. */
const WAIT = 'echo; read -r _ && exec "$@" </dev/null >/dev/null';

/**
 * Starts a program as root in a user namespace with all users in it. `unshare` maps one user by itself; for more, the
 * map is written from outside.
 */
export function spawnMapped(
  words: readonly string[],
  spawn: (words: readonly string[], options: SpawnOptions) => ChildProcess,
): ChildProcess {
  const waiting = ['unshare', '--user', '--keep-caps', '--', 'sh', '-c', WAIT, 'sh'];
  const child = spawn([...waiting, ...words], { stdio: 'pipe' });
  // A program that ends before it reads tells why on its own.
  child.stdin!.on('error', () => {});
  child.stdout!.once('data', () => {
    try {
      writeFileSync(`/proc/${child.pid}/uid_map`, ID_MAP);
      writeFileSync(`/proc/${child.pid}/gid_map`, ID_MAP);
      child.stdin!.end('mapped\n');
    } catch (cause) {
      child.kill();
      child.emit('error', new Error(`cannot map users: ${(cause as Error).message}`, { cause }));
    }
  });
  return child;
}
