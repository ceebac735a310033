// `npm test [-- FILTER…]`: every test this machine can run. Installs what it needs where it may, names what was
// skipped and why, and ends with one line `N passed, N failed, N skipped`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, install, requireNode, root } from './workspace.mjs';

/** Command → Debian package. What is missing only skips the suites that name it. */
const debianPackages = {
  ip: 'iproute2',
  tcpdump: 'tcpdump',
  tshark: 'tshark',
  setpriv: 'util-linux',
  faketime: 'faketime',
  'pcap-config': 'libpcap-dev',
};

requireNode();
install();
build();
installDebianPackages();
buildCap();
process.exitCode = runTests();

function installDebianPackages() {
  const missing = Object.entries(debianPackages)
    .filter(([command]) => spawnSync('sh', ['-c', `command -v ${command}`]).status !== 0)
    .map(([, name]) => name);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
    process.stderr.write(`Not installed, so some suites are skipped: ${missing.join(' ')}\n`);
    return;
  }
  process.stderr.write(`Installing ${missing.join(' ')} ...\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const quiet = { env, stdio: ['ignore', 'ignore', 2] };
  spawnSync('apt-get', ['update', '-qq'], quiet);
  const { status } = spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], quiet);
  if (status !== 0) process.stderr.write('apt-get failed: the suites that need these are skipped\n');
}

/** The one package with a native part of its own to compile, which nothing but its own suites needs. */
function buildCap() {
  const folder = `${root}node_modules/cap`;
  if (!existsSync(folder) || existsSync(`${folder}/build/Release/cap.node`)) return;
  const { status } = spawnSync('npm', ['run', '--silent', 'build:cap'], { cwd: root, stdio: 'ignore' });
  if (status !== 0) process.stderr.write('Not built, so its suites are skipped: cap (see `npm run build:cap`)\n');
}

function runTests() {
  const folder = mkdtempSync(join(tmpdir(), 'bpfleet-test-'));
  const resultFile = join(folder, 'result.json');
  try {
    const vitest = spawnSync(
      process.execPath,
      [
        `${root}node_modules/vitest/vitest.mjs`,
        'run',
        '--reporter=default',
        `--reporter=${root}tools/test-reporter.mjs`,
        ...process.argv.slice(2),
      ],
      { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, BPFLEET_TEST_RESULT: resultFile } },
    );
    if (!existsSync(resultFile)) return vitest.status || 1;
    const { passed, failed, skipped } = JSON.parse(readFileSync(resultFile, 'utf8'));
    for (const suite of skipped) process.stdout.write(`skipped: ${suite.name}: ${suite.reason} (${suite.tests})\n`);
    const skippedCount = skipped.reduce((sum, suite) => sum + suite.tests, 0);
    process.stdout.write(`${passed} passed, ${failed} failed, ${skippedCount} skipped\n`);
    return vitest.status ?? 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
