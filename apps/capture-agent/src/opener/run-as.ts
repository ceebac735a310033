import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { BpfleetError } from '@bpfleet/errors';

/** As whom the agent process runs. */
export interface RunAs {
  /** For the log. */
  readonly says: string;
  /** Whose its folders have to be; undefined: ours. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** It has the files and processes of root, whatever capabilities it has not: why, and what to do. */
  readonly asRoot: string | undefined;
  /** @returns what to spawn: command, arguments, and `uid` and `gid` where they change */
  command(
    node: string,
    args: readonly string[],
  ): [command: string, args: string[], identity: { readonly uid?: number; readonly gid?: number }];
}

/** `nobody`, as most distributions number it. */
const NOBODY = 65_534;

/** Nothing that it runs gets more privileges than it has: where `setpriv` is missing, only once it has confined itself. */
const noNewPrivileges = (): readonly string[] =>
  works(['setpriv', '--no-new-privs', 'true']) ? ['setpriv', '--no-new-privs', '--'] : [];

const started = ([command, ...args]: readonly string[]): [string, string[]] => [command!, args];

const rootBecause = (reason: string, advice: string) =>
  `the agent process is root on this host (${reason}): led astray, it reads and writes all files of root; ${advice}`;

/** Another user of this host: it reads neither our key nor anything else of ours. */
const asUser = (uid: number, gid: number): RunAs => ({
  says: `uid ${uid}`,
  owner: { uid, gid },
  asRoot: uid === 0 ? rootBecause('BPFLEET_AGENT_USER names it', 'name another user there') : undefined,
  command: (node, args) => [...started([...noNewPrivileges(), node, ...args]), { uid, gid }],
});

/** An empty folder without any permission over ours, then no capability, and none to be had: the command that follows is still we. */
const WITHOUT_FOLDER =
  'mount -t tmpfs -o size=4k,mode=0 tmpfs "$0" && exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs -- "$@"';
const namespaceWithout = (folder: string): readonly string[] => [
  ...['unshare', '--user', '--map-root-user', '--mount', '--', 'sh', '-c', WITHOUT_FOLDER, folder],
];

/**
 * A user namespace: no capability reaches outside it, and files of ours it reads, but for our own folder. For trees that
 * another user could not read the code of.
 */
const inUserNamespace = (folder: string, asRoot: string): RunAs => ({
  says: 'a user namespace without capabilities',
  owner: undefined,
  asRoot,
  command: (node, args) => [...started([...namespaceWithout(folder), node, ...args]), {}],
});

/** Such a namespace, and in it one more where we are a user: root in the first could map nobody else to itself in one of its own. */
const AS_USER =
  'mount -t tmpfs -o size=4k,mode=0 tmpfs "$0" && exec unshare --user --map-user=1000 --map-group=1000 -- setpriv --no-new-privs --pdeathsig KILL -- "$@"';
const namespaceAsUser = (folder: string): readonly string[] => [
  ...['unshare', '--user', '--map-root-user', '--mount', '--', 'sh', '-c', AS_USER, folder],
];

/**
 * For a process that holds all of bpfleet, started by root: as a user without capabilities, whose files are ours but for the
 * opener's folder, and which ends when we do.
 * @param openerFolder there when it is started
 * @returns undefined where it cannot be had
 */
export function asUserInNamespace(openerFolder: string): RunAs | undefined {
  if (process.getuid?.() !== 0 || !works([...namespaceAsUser('/tmp'), 'true'])) return undefined;
  return {
    says: 'a user in a namespace without capabilities',
    owner: undefined,
    asRoot: rootBecause('all of bpfleet is one process', 'run `bpfleet agent run` apart from the rest'),
    command: (node, args) => [...started([...namespaceAsUser(resolve(openerFolder)), node, ...args]), {}],
  };
}

/** The same where nothing can be mounted: our folder with the identity key is among what it reads. */
const inOpenUserNamespace = (asRoot: string): RunAs => ({
  says: 'a user namespace without capabilities, which could read the identity key',
  owner: undefined,
  asRoot,
  command: (node, args) => [...started(['unshare', '--user', '--', ...noNewPrivileges(), node, ...args]), {}],
});

const asOurselves = (asRoot: string | undefined): RunAs => ({
  says: 'this user: it keeps its privileges',
  owner: undefined,
  asRoot,
  command: (node, args) => [node, [...args], {}],
});

/**
 * @param user `uid:gid`, or empty: nobody, where we may change users and nobody gets at code and state
 * @param entry what it will run
 * @param stateDir the folder of its folders, there or not
 * @param openerFolder what it must not read, there when it is started
 * @throws BpfleetError `CONFIG_INVALID`
 */
export function runAs(user: string, entry: string, stateDir: string, openerFolder: string): RunAs {
  if (user !== '') {
    const [, uid, gid] = /^(\d{1,9}):(\d{1,9})$/.exec(user) ?? [];
    if (uid !== undefined && gid !== undefined) return asUser(Number(uid), Number(gid));
    const hint = 'write it as uid:gid, such as 65534:65534';
    throw new BpfleetError('CONFIG_INVALID', `"${user}" is no user`, { hint });
  }
  if (process.getuid?.() !== 0) return asOurselves(undefined);
  const asRoot = whyNotNobody(entry, stateDir);
  if (asRoot === undefined) return asUser(NOBODY, NOBODY);
  if (works([...namespaceWithout('/tmp'), 'true'])) return inUserNamespace(resolve(openerFolder), asRoot);
  return works(['unshare', '--user', '--', 'true']) ? inOpenUserNamespace(asRoot) : asOurselves(asRoot);
}

/** @returns for people; undefined: nothing keeps it from being another user */
function whyNotNobody(entry: string, stateDir: string): string | undefined {
  const closed = closedToOthers(dirname(entry)) ?? closedToOthers(dirname(resolve(stateDir)));
  if (closed !== undefined) {
    const advice = `let others pass through it (chmod o+x ${closed}), or move bpfleet and BPFLEET_AGENT_STATE_DIR elsewhere`;
    return rootBecause(`uid ${NOBODY} may not pass through ${closed}`, advice);
  }
  if ((statSync(entry).mode & 0o004) === 0) {
    return rootBecause(`uid ${NOBODY} may not read ${entry}`, 'make the code readable for others (chmod -R o+rX)');
  }
  if (works(['setpriv', `--reuid=${NOBODY}`, '--clear-groups', 'true'])) return undefined;
  const advice = 'install util-linux and give SETUID and SETGID, or set BPFLEET_AGENT_USER';
  return rootBecause('setpriv cannot change users here', advice);
}

/** @returns the lowest folder on the way that not everybody may pass through. One that is missing will be made so. */
function closedToOthers(folder: string): string | undefined {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found !== undefined && (found.mode & 0o001) === 0) return folder;
  const parent = dirname(folder);
  return parent === folder ? undefined : closedToOthers(parent);
}

function works([command, ...args]: readonly string[]): boolean {
  try {
    execFileSync(command!, args, { stdio: 'ignore' });
    return true;
  } catch {
    // Not installed, or not allowed here.
    return false;
  }
}
