import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { access, constants, stat } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { spawnMapped } from './user-map.js';

/** A command line that starts a Postgres program as this user may. */
export interface Launcher {
  spawn(program: string, args: readonly string[]): ChildProcess;
}

/**
 * Postgres refuses to run as root. In a user namespace where root's uid is shown as 1000 it runs, needs no system user,
 * and its files still belong to root. Where util-linux has `setpriv`, the kernel ends Postgres when this process dies
 * (prctl(2), PR_SET_PDEATHSIG): it comes after `unshare`, because a change of credentials clears the setting.
 * @param paths what Postgres has to reach: its programs and its data
 */
export async function findLauncher(paths: readonly string[]): Promise<Launcher> {
  const canSetPrivileges = await isInstalled('setpriv');
  // SIGINT is Postgres's fast shutdown.
  const deathSignal = canSetPrivileges ? ['setpriv', '--pdeathsig', 'INT'] : [];
  if (process.geteuid?.() !== 0) return { spawn: (...program) => spawnDetached([...deathSignal, ...program.flat()]) };
  const reachable = await Promise.all(paths.map(isReachableWithoutRights));
  if (reachable.every(Boolean)) {
    const namespace = ['unshare', '--user', '--map-user=1000', '--map-group=1000', '--'];
    return { spawn: (...program) => spawnDetached([...namespace, ...deathSignal, ...program.flat()]) };
  }
  // `sudo` in a home folder that only its owner may enter. Root passes there by two capabilities; Postgres needs them.
  const keep = ['--inh-caps', 'DAC', '--ambient-caps', 'DAC'].map((word) => word.replace('DAC', DAC_ONLY));
  const rights = canSetPrivileges ? [...deathSignal, ...keep] : [];
  return { spawn: (...program) => spawnMapped([...rights, ...program.flat()], spawnDetached) };
}

const DAC_ONLY = '-all,+dac_override,+dac_read_search';

/** A session of its own: Ctrl-C on the terminal must reach us and not Postgres, which is stopped last. */
function spawnDetached(words: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const [command, ...rest] = words;
  return spawn(command!, rest, { stdio: ['ignore', 'ignore', 'pipe'], detached: true, ...options });
}

/** Whether every folder above may be entered by a root that is only a user like others. */
async function isReachableWithoutRights(path: string): Promise<boolean> {
  const folder = dirname(path);
  if (folder === path) return true;
  const found = await stat(folder).catch(() => undefined);
  if (found) {
    const mask = found.uid === 0 ? 0o100 : found.gid === 0 ? 0o010 : 0o001;
    if ((found.mode & mask) === 0) return false;
  }
  return isReachableWithoutRights(folder);
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
