import type { Command } from 'commander';
import { type FlowOptions, flowCommand, MOST_ROWS, questionOf, rowCount } from '../flows/flow-options.js';
import { flowCompletenessText, flowTable } from '../flows/flow-tables.js';
import { printAnswer } from '../output/format.js';
import { expressionOf } from '../report-error.js';
import { servers } from '../servers.js';
import { print, printable, type Terminal } from '../terminal.js';

/** `bpfleet flows EXPR` */
export function flows(parent: Command, terminal: Terminal): void {
  const command = flowCommand(parent, 'flows', 'list flows: who spoke with whom, and how much')
    .option('-n, --limit <count>', 'only the latest (default: 100)', rowCount)
    .option('--cursor <text>', 'go on behind a page, with the same expression, --agent and --version');
  command.action(async (words: string[], options: FlowOptions & { limit?: number; cursor?: string }) => {
    const { limit, cursor } = options;
    const page = { ...(limit === undefined ? {} : { limit }), ...(cursor === undefined ? {} : { cursor }) };
    const query = { ...questionOf(words, options), ...page };
    const { analytics, queryApi } = await servers(command, terminal);
    const { signal } = terminal;
    const answer = await expressionOf(words.join(' '), () => analytics.call(queryApi.listFlows, { query, signal }));
    if (answer.flows.length > 0 || options.output !== 'table') {
      await printAnswer(answer, options.output, () => flowTable(answer.flows, terminal), terminal);
    }
    const more =
      answer.next === undefined
        ? ''
        : `; there are more: raise --limit (${MOST_ROWS} at most), or go on with --cursor ${printable(answer.next)}`;
    await print(terminal.err, `${flowCompletenessText(answer.range, answer.completeness)}${more}\n`);
  });
}
