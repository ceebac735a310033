// `npm start`: installs and builds what is missing, then becomes the standalone process.
import { spawn } from 'node:child_process';
import { build, install, requireNode, root } from './workspace.mjs';

requireNode();
install();
build();

const child = spawn(process.execPath, [`${root}apps/standalone/dist/main.js`, ...process.argv.slice(2)], {
  stdio: 'inherit',
});
// Ctrl-C reaches the child by the terminal; a signal sent to this process alone is passed on. Either way the child
// decides when it is done, and its end is ours.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  process.stderr.write(`error: cannot start bpfleet: ${error.message}\n`);
  process.exitCode = 1;
});
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal ? 1 : 0);
});
