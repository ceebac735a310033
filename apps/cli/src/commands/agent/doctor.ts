import type { Finding } from '@bpfleet/contract/doctor';
import { BpfleetError } from '@bpfleet/errors';
import type { Command } from 'commander';
import { type Column, table } from '../../output/columns.js';
import { type OutputFormat, printAnswer, withOutput } from '../../output/format.js';
import type { Terminal } from '../../terminal.js';

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
    .addHelpText('after', '\nReads the agent’s environment, BPFLEET_…, and says what is wrong with it.');
  withOutput(command).action(async (options: { output: OutputFormat }) => {
    const findings = await examine(terminal);
    const asTable = () => table(findings, columns, terminal.out, terminal.env);
    await printAnswer({ findings }, options.output, asTable, terminal);
    const wrong = new Set(findings.filter(({ state }) => state === 'no').map(({ name }) => name));
    if (wrong.size > 0) {
      throw new BpfleetError(
        'PLATFORM_UNSUPPORTED',
        `an agent would not do all its work here: ${[...wrong].join(', ')}`,
      );
    }
  });
}

async function examine({ env }: Terminal): Promise<Finding[]> {
  // Loaded here: other commands work without the kernel's interfaces.
  const { canUseCap } = await import('@bpfleet/linux');
  const { agentFindings } = await import('../../doctor/agent-findings.js');
  const { kernelChecks } = await import('../../doctor/kernel-checks.js');
  const { capCheck } = await import('../../doctor/cap-check.js');
  const { folderCheck } = await import('../../doctor/folder-checks.js');
  const { findings, settings } = await agentFindings(env);
  const ofHost = [...findings, ...kernelChecks(), capCheck(canUseCap(), env)];
  if (settings === undefined) return ofHost;
  const { stateDir, spoolDir, spoolBytes, owner } = settings;
  return [
    ...ofHost,
    folderCheck('state folder', stateDir, 1024 ** 2),
    folderCheck('spool', spoolDir, spoolBytes, owner),
  ];
}
