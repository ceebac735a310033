import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BpfleetError } from '@bpfleet/errors';
import { type Command, Option } from 'commander';
import { SaidAlready } from '../../report-error.js';
import type { Terminal } from '../../terminal.js';

/** Beside this package, in the repository as in the image. */
const AGENT = fileURLToPath(new URL('../../../../capture-agent/dist/main.js', import.meta.url));

interface RunOptions {
  readonly pcap?: string;
  readonly speed?: string;
  readonly source?: string;
}

/** `bpfleet agent run`: the capture agent of this host in the foreground, configured as ever by its environment. */
export function agentRun(parent: Command, terminal: Terminal): void {
  parent
    .command('run')
    .description('run the capture agent here; it reads BPFLEET_… as its --help says')
    .option('--pcap <file>', 'replay this capture file instead of capturing (BPFLEET_AGENT_PCAP)')
    .option('--speed <speed>', 'of the replay: recorded, full, or packets per second (BPFLEET_AGENT_PCAP_SPEED)')
    .addOption(
      new Option(
        '--source <source>',
        'ring: filters run in the kernel; cap: libpcap, filters run here (BPFLEET_AGENT_SOURCE)',
      ).conflicts('pcap'),
    )
    .action((options: RunOptions) => run(options, terminal));
}

async function run({ pcap, speed, source }: RunOptions, { env, signal }: Terminal): Promise<void> {
  if (!existsSync(AGENT)) {
    throw new BpfleetError('FILE_UNREADABLE', `the capture agent is not built: there is no ${AGENT}`, {
      hint: 'npm run build',
    });
  }
  const child = spawn(process.execPath, [AGENT], {
    stdio: 'inherit',
    env: {
      ...env,
      ...(pcap === undefined ? {} : { BPFLEET_AGENT_PCAP: resolve(pcap) }),
      ...(speed === undefined ? {} : { BPFLEET_AGENT_PCAP_SPEED: speed }),
      ...(source === undefined ? {} : { BPFLEET_AGENT_SOURCE: source }),
    },
  });
  signal.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
  const [code, killedBy] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  if (signal.aborted || code === 0) return;
  if (code !== null) throw new SaidAlready(code);
  throw new BpfleetError('INTERNAL', `the agent was killed by ${killedBy}`);
}
