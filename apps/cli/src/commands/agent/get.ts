import type { Agent } from '@bpfleet/contract';
import type { Command } from 'commander';
import { agentTable, attachmentTable } from '../../agents/agent-table.js';
import { type OutputFormat, printAnswer, withOutput } from '../../output/format.js';
import { everyItem, servers, withServers } from '../../servers.js';
import { print, type Terminal } from '../../terminal.js';

/** `bpfleet agent get [ID]` */
export function agentGet(parent: Command, terminal: Terminal): void {
  const command = parent
    .command('get')
    .argument('[id]', 'all agents when left out')
    .description('show agents; with an id also what became of each filter on each interface');
  withServers(withOutput(command)).action(async (id: string | undefined, options: { output: OutputFormat }) => {
    const { control, controlApi } = await servers(command, terminal);
    const { signal } = terminal;
    if (id !== undefined) {
      const agent = await control.call(controlApi.getAgent, { path: { id }, signal });
      const asTable = () => `${agentTable([agent], terminal)}\n${attachmentTable(agent, terminal)}`;
      return printAnswer(agent, options.output, asTable, terminal);
    }
    const items = await everyItem<Agent>((query) => control.call(controlApi.listAgents, { query, signal }));
    if (items.length === 0 && options.output === 'table') return print(terminal.err, 'no agents\n');
    return printAnswer({ items }, options.output, () => agentTable(items, terminal), terminal);
  });
}
