import type { Command } from 'commander';
import { servers, withServers } from '../../servers.js';
import { print, type Terminal } from '../../terminal.js';

/** `bpfleet filter delete NAME` */
export function filterDelete(parent: Command, terminal: Terminal): void {
  const command = parent
    .command('delete')
    .argument('<name>')
    .description('take a filter off every agent and forget it; what it captured stays');
  withServers(command).action(async (name: string) => {
    const { control, controlApi } = await servers(command, terminal);
    await control.call(controlApi.deleteFilter, { path: { name }, signal: terminal.signal });
    await print(terminal.out, `filter ${name} deleted\n`);
  });
}
