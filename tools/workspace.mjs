// What `npm start`, `npm test` and `npm run bench` do first: install and build what is missing, and say so.
// Only Node built-ins here: this runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = `${root}node_modules/.bpfleet-installed`;

/** Ends the process with a clear message when this Node cannot run bpfleet. */
export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(`bpfleet needs Node 20.19 or newer; this is ${process.versions.node}`);
}

/** `npm ci`, unless this lock file is what is installed for this Node version already. */
export function install() {
  const wanted = createHash('sha256')
    .update(readFileSync(`${root}package-lock.json`))
    .update(process.versions.modules)
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  const startedAt = Date.now();
  process.stderr.write('Installing packages (the first time only) ...\n');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(stamp, wanted);
  process.stderr.write(`Installed in ${seconds(startedAt)}.\n`);
}

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
