import type { Filter } from '@bpfleet/contract';
import type { Command } from 'commander';
import { filterTable } from '../../filters/filter-table.js';
import { type OutputFormat, printAnswer, withOutput } from '../../output/format.js';
import { everyItem, servers, withServers } from '../../servers.js';
import { print, type Terminal } from '../../terminal.js';

/** `bpfleet filter get [NAME]` */
export function filterGet(parent: Command, terminal: Terminal): void {
  const command = parent
    .command('get')
    .argument('[name]', 'all filters when left out')
    .description('show filters, their latest version and where it is assigned');
  withServers(withOutput(command)).action(async (name: string | undefined, options: { output: OutputFormat }) => {
    const { control, controlApi } = await servers(command, terminal);
    const { signal } = terminal;
    if (name !== undefined) {
      const filter = await control.call(controlApi.getFilter, { path: { name }, signal });
      return printAnswer(filter, options.output, () => filterTable([filter], terminal), terminal);
    }
    const items = await everyItem<Filter>((query) => control.call(controlApi.listFilters, { query, signal }));
    if (items.length === 0 && options.output === 'table') return print(terminal.err, 'no filters\n');
    return printAnswer({ items }, options.output, () => filterTable(items, terminal), terminal);
  });
}
