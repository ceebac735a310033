import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** A command line that starts a Postgres program as this user may. */
export interface Launcher {
  spawn(program: string, args: readonly string[], options?: SpawnOptions): ChildProcess;
}

/**
 * Postgres refuses to run as root. In a user namespace where root's uid is shown as 1000 it runs, needs no system user,
 * and its files still belong to root. Where util-linux has `setpriv`, the kernel ends Postgres when this process dies
 * (prctl(2), PR_SET_PDEATHSIG): it comes after `unshare`, because a change of credentials clears the setting.
 */
export async function findLauncher(isRoot = process.geteuid?.() === 0): Promise<Launcher> {
  const namespace = isRoot ? ['unshare', '--user', '--map-user=1000', '--map-group=1000', '--'] : [];
  // SIGINT is Postgres's fast shutdown.
  const deathSignal = (await isInstalled('setpriv')) ? ['setpriv', '--pdeathsig', 'INT', '--'] : [];
  const prefix = [...namespace, ...deathSignal];
  return {
    spawn(program, args, options = {}) {
      const [command, ...rest] = [...prefix, program, ...args];
      // A session of its own: Ctrl-C on the terminal must reach us and not Postgres, which is stopped last.
      return spawn(command!, rest, { stdio: ['ignore', 'ignore', 'pipe'], detached: true, ...options });
    },
  };
}

async function isInstalled(program: string): Promise<boolean> {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const found = await Promise.all(
    folders.map((folder) =>
      access(join(folder, program), constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}
