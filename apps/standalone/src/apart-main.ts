// All of bpfleet but the opener, which has started this process. See start-apart.ts.
import { runMain } from '@bpfleet/service';
import { parseOptions } from './options.js';
import { start } from './start.js';

const options = parseOptions(process.argv.slice(2));
if ('exitCode' in options) process.exitCode = options.exitCode;
else await runMain((stopping, stop) => start(options, stopping, stop));
