import type { Command } from 'commander';
import { type OutputFormat, printAnswer, withOutput } from '../output/format.js';
import { servers, withServers } from '../servers.js';
import { storeTables } from '../store/store-tables.js';
import type { Terminal } from '../terminal.js';

/** `bpfleet store status` */
export function storeStatus(parent: Command, terminal: Terminal): void {
  const command = parent
    .command('status')
    .description('show how full the store is, how long it keeps what, and how far it has read');
  withServers(withOutput(command)).action(async (options: { output: OutputFormat }) => {
    const { analytics, queryApi } = await servers(command, terminal);
    const status = await analytics.call(queryApi.getStoreStatus, { signal: terminal.signal });
    await printAnswer(status, options.output, () => storeTables(status, terminal), terminal);
  });
}
