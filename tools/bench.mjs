// `npm run bench -- [NAME] [--quick] [--json]`: installs and builds what is missing, then runs the benchmarks.
import { spawnSync } from 'node:child_process';
import { build, install, requireNode, root } from './workspace.mjs';

requireNode();
install();
build();
const result = spawnSync(process.execPath, [`${root}tests/bench/dist/main.js`, ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exitCode = result.status ?? 1;
