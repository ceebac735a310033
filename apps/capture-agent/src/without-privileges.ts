import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { becomeProgram, type Confinement, confinement, platform } from '@bpfleet/linux';

/** What whoever replays a file works with. */
export interface NeededFiles {
  readonly entry: string;
  readonly recording: string;
  /** Written to, where they are there already: the first one is the state folder. */
  readonly folders: readonly [string, ...string[]];
}

const NOBODY = '65534:65534';
const HOLDS_NOTHING = String.raw`grep -q '^CapEff:\s*0*$' /proc/self/status`;

/**
 * How to start without any privilege, the best first: as the agent's user, where that one may read code and recording and the state
 * folder is its own; else as ourselves without capabilities. Each is tried.
 * @param user `uid:gid`, or empty: nobody
 */
export function withoutPrivileges(
  user: string,
  { entry, recording, folders }: NeededFiles,
  works: (command: readonly string[]) => boolean = isPossible,
): readonly string[] | undefined {
  const [, uid, gid] = /^(\d{1,9}):(\d{1,9})$/.exec(user === '' ? NOBODY : user) ?? [];
  const none = ['--inh-caps=-all', '--no-new-privs'];
  // Without it root would be given all capabilities again with the next program. It takes CAP_SETPCAP.
  const bounded = ['--bounding-set=-all', ...none];
  const asUser = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  const [state, ...more] = folders;
  const written = [state, ...more.filter((folder) => existsSync(folder))];
  const itsFiles = `node=$1 entry=$2 file=$3; shift 3; for d; do test -w "$d" && test -x "$d" || exit 1; done
    test -r "$file" && "$node" --check "$entry" && ${HOLDS_NOTHING}`;
  for (const options of [bounded, none]) {
    const command = ['setpriv', ...asUser, ...options, '--'];
    const files = [process.execPath, entry, recording, ...written];
    if (uid !== undefined && works([...command, 'sh', '-c', itsFiles, 'sh', ...files])) return command;
  }
  return [bounded, none]
    .map((options) => ['setpriv', ...options, '--'])
    .find((command) => works([...command, 'sh', '-c', HOLDS_NOTHING]));
}

/** Whether a process has something to drop. */
export const isPrivileged = ({ capabilities, hasNoNewPrivileges, isRoot }: Confinement): boolean =>
  capabilities !== 0n || (isRoot && !hasNoNewPrivileges);

/**
 * Goes on as a process without privileges, from the start.
 * @param prepare while there are privileges, once it is certain that they end
 * @returns why it did not; undefined: there is nothing to drop
 */
export function dropPrivileges(user: string, files: NeededFiles, prepare: () => void): string | undefined {
  if (!platform().ok || !isPrivileged(confinement())) return undefined;
  const command = withoutPrivileges(user, files);
  if (command === undefined) return 'setpriv cannot take them; install util-linux';
  prepare();
  const [name, ...args] = [...command, process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  return becomeProgram(name!, args).message;
}

function isPossible([command, ...args]: readonly string[]): boolean {
  try {
    execFileSync(command!, args, { stdio: 'ignore' });
    return true;
  } catch {
    // Not installed, not allowed, or not its files.
    return false;
  }
}
