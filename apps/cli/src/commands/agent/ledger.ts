import type { Command } from 'commander';
import { ledgerTables } from '../../agents/ledger-table.js';
import { type OutputFormat, printAnswer, withOutput } from '../../output/format.js';
import { servers, withServers } from '../../servers.js';
import type { Terminal } from '../../terminal.js';

/** `bpfleet agent ledger ID` */
export function agentLedger(parent: Command, terminal: Terminal): void {
  const command = parent
    .command('ledger')
    .argument('<id>', 'the agent')
    .description('show where every packet of an agent went, from the kernel to the acknowledged record');
  withServers(withOutput(command)).action(async (id: string, options: { output: OutputFormat }) => {
    const { control, controlApi } = await servers(command, terminal);
    const agent = await control.call(controlApi.getAgent, { path: { id }, signal: terminal.signal });
    const { status, lastHeardAt } = agent;
    const ledger = { id, epoch: status?.epoch ?? 0, lastHeardAt, ledger: status?.ledger };
    await printAnswer(ledger, options.output, () => ledgerTables(agent, terminal), terminal);
  });
}
