import type { TopQuery } from '@bpfleet/contract';
import { type Command, Option } from 'commander';
import { type FlowOptions, flowCommand, questionOf, rowCount } from '../flows/flow-options.js';
import { flowCompletenessText, topTable } from '../flows/flow-tables.js';
import { printAnswer } from '../output/format.js';
import { expressionOf } from '../report-error.js';
import { servers } from '../servers.js';
import { print, type Terminal } from '../terminal.js';

type TopOptions = FlowOptions & Pick<TopQuery, 'by' | 'order'> & { readonly limit?: number };

/** `bpfleet top EXPR` */
export function top(parent: Command, terminal: Terminal): void {
  const command = flowCommand(parent, 'top', 'show who has most bytes, or packets')
    .addOption(
      new Option('--by <key>', 'a port is the service’s: the smaller of the two')
        .choices(['agent', 'filter', 'host', 'port', 'protocol'])
        .default('host'),
    )
    .addOption(new Option('--order <what>', 'what counts').choices(['bytes', 'packets']).default('bytes'))
    .option('-n, --limit <count>', 'so many (default: 10)', rowCount);
  command.action(async (words: string[], options: TopOptions) => {
    const { by, order, limit } = options;
    const query = { ...questionOf(words, options), by, order, ...(limit === undefined ? {} : { limit }) };
    const { analytics, queryApi } = await servers(command, terminal);
    const { signal } = terminal;
    const answer = await expressionOf(words.join(' '), () => analytics.call(queryApi.getTop, { query, signal }));
    if (answer.entries.length > 0 || options.output !== 'table') {
      await printAnswer(answer, options.output, () => topTable(answer.by, answer.entries, terminal), terminal);
    }
    await print(terminal.err, `${flowCompletenessText(answer.range, answer.completeness)}\n`);
  });
}
