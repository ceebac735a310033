import { type Host, runMain } from '@bpfleet/service';
import { parseOptions } from './options.js';

const options = parseOptions(process.argv.slice(2));
if ('exitCode' in options) process.exitCode = options.exitCode;
else {
  // Only what is needed is loaded: whoever mistyped an option should not wait for the rest.
  const { startApart } = await import('./start-apart.js');
  let code = 0;
  const host: Host = {
    on: (event, listener) => process.on(event, listener),
    off: (event, listener) => process.off(event, listener),
    exit: (own) => process.exit(own === 0 ? code : own),
    stderr: process.stderr,
  };
  await runMain(async (stopping) => {
    const ended = await startApart(options, stopping);
    if (ended === undefined) return (await import('./start.js')).start(options, stopping);
    code = ended;
    return undefined;
  }, host);
}
