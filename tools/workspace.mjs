// What `npm start`, `npm test` and `npm run bench` do first: install and build what is missing, and say so.
// Only Node built-ins here: this runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Ends the process with a clear message when this Node cannot run bpfleet. */
export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(`bpfleet needs Node 20.19 or newer; this is ${process.versions.node}`);
}

/** `npm ci`, unless what the lock file asks for is installed already. */
export function install() {
  if (isInstalled()) return;
  const startedAt = Date.now();
  process.stderr.write('Installing packages (the first time only) ...\n');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  process.stderr.write(`Installed in ${seconds(startedAt)}.\n`);
}

/** npm notes at the end of an install what is there: an interrupted one has no such note. */
function isInstalled() {
  const note = `${root}node_modules/.package-lock.json`;
  if (!existsSync(note)) return false;
  const present = packagesOf(note);
  return Object.entries(packagesOf(`${root}package-lock.json`)).every(
    ([path, { version, optional, devOptional }]) =>
      // Packages of other platforms are not installed.
      !path.startsWith('node_modules/') ||
      optional ||
      devOptional ||
      (path in present && present[path].version === version),
  );
}

const packagesOf = (lockFile) => JSON.parse(readFileSync(lockFile, 'utf8')).packages;

/** `tsc -b`: nothing to do takes about a second. */
export function build() {
  const startedAt = Date.now();
  const first = !existsSync(`${root}apps/standalone/dist/main.js`);
  if (first) process.stderr.write('Building ...\n');
  run(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-b']);
  if (first) process.stderr.write(`Built in ${seconds(startedAt)}.\n`);
}

/** Runs a command with its output shown; ends this process with its exit code when it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options });
  if (result.error) fail(`cannot run ${command}: ${result.error.message}`);
  if (result.status !== 0) {
    process.stderr.write(`error: ${[command, ...args].join(' ')} failed\n`);
    process.exit(result.status ?? 1);
  }
}

export function fail(message) {
  process.stderr.write(`error: ${message}\n`);
  process.exit(1);
}

const seconds = (startedAt) => `${((Date.now() - startedAt) / 1000).toFixed(1)} s`;
