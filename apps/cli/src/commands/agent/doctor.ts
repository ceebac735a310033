import { BpfleetError } from '@bpfleet/errors';
import type { Command } from 'commander';
import type { Finding } from '../../doctor/check.js';
import { type Column, table } from '../../output/columns.js';
import { type OutputFormat, printAnswer, withOutput } from '../../output/format.js';
import type { Terminal } from '../../terminal.js';

const DEFAULTS = {
  BPFLEET_SERVER: 'http://127.0.0.1:7420',
  BPFLEET_KAFKA_BROKERS: '127.0.0.1:9092',
  BPFLEET_AGENT_STATE_DIR: '/var/lib/bpfleet-agent',
  BPFLEET_AGENT_SPOOL_BYTES: String(1024 ** 3),
} as const;

const columns: readonly Column<Finding>[] = [
  { title: 'CHECK', value: ({ name }) => name },
  { title: 'STATE', value: ({ state }) => state },
  { title: 'FOUND', value: ({ detail }) => detail },
  { title: 'WHAT TO DO', value: ({ advice }) => advice ?? '' },
];

/** `bpfleet agent doctor`: whether an agent would work on this host, with the agent's own environment. */
export function agentDoctor(parent: Command, terminal: Terminal): void {
  const command = parent
    .command('doctor')
    .description('try on this host what an agent needs: kernel, rights, limits, clock, disk, brokers, filter-manager')
    .addHelpText(
      'after',
      `\nReads what agents read: ${Object.keys(DEFAULTS).join(', ')}, BPFLEET_AGENT_SPOOL_DIR,\nBPFLEET_AGENT_SOURCE, BPFLEET_AGENT_ALLOW_CAP.`,
    );
  withOutput(command).action(async (options: { output: OutputFormat }) => {
    const findings = await examine(terminal);
    const asTable = () => table(findings, columns, terminal.out, terminal.env);
    await printAnswer({ findings }, options.output, asTable, terminal);
    const wrong = findings.filter(({ state }) => state === 'no').map(({ name }) => name);
    if (wrong.length > 0) {
      throw new BpfleetError('PLATFORM_UNSUPPORTED', `an agent would not do all its work here: ${wrong.join(', ')}`);
    }
  });
}

async function examine({ env, now }: Terminal): Promise<Finding[]> {
  const setting = (name: keyof typeof DEFAULTS): string => env[name] || DEFAULTS[name];
  // Loaded here: other commands work without the kernel's interfaces.
  const { canUseCap } = await import('@bpfleet/linux');
  const { kernelChecks } = await import('../../doctor/kernel-checks.js');
  const { capCheck } = await import('../../doctor/cap-check.js');
  const { folderCheck } = await import('../../doctor/folder-checks.js');
  const { brokerCheck, serverChecks } = await import('../../doctor/peer-checks.js');
  const stateDir = setting('BPFLEET_AGENT_STATE_DIR');
  const brokers = setting('BPFLEET_KAFKA_BROKERS').split(',').filter(Boolean);
  return [
    ...kernelChecks(),
    capCheck(canUseCap(), env),
    folderCheck('state folder', stateDir, 1024 ** 2),
    folderCheck(
      'spool',
      env.BPFLEET_AGENT_SPOOL_DIR || `${stateDir}/spool`,
      Number(setting('BPFLEET_AGENT_SPOOL_BYTES')),
    ),
    ...(await Promise.all(brokers.map(brokerCheck))),
    ...(await serverChecks(setting('BPFLEET_SERVER'), now)),
  ];
}
