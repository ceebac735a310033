import type { Command } from 'commander';
import { type FlowOptions, flowCommand, questionOf } from '../flows/flow-options.js';
import { flowCompletenessText, timelineTable } from '../flows/flow-tables.js';
import { printAnswer } from '../output/format.js';
import { expressionOf } from '../report-error.js';
import { servers } from '../servers.js';
import { print, type Terminal } from '../terminal.js';

/** `bpfleet timeline EXPR` */
export function timeline(parent: Command, terminal: Terminal): void {
  const command = flowCommand(parent, 'timeline', 'count packets, step by step').option(
    '--step <duration>',
    'whole minutes: 1m, 15m, 1h (default: at most a hundred steps)',
  );
  command.action(async (words: string[], options: FlowOptions & { step?: string }) => {
    const { step } = options;
    const query = { ...questionOf(words, options), ...(step === undefined ? {} : { step }) };
    const { analytics, queryApi } = await servers(command, terminal);
    const { signal } = terminal;
    const answer = await expressionOf(words.join(' '), () => analytics.call(queryApi.getTimeline, { query, signal }));
    if (answer.points.length > 0 || options.output !== 'table') {
      await printAnswer(answer, options.output, () => timelineTable(answer.points, terminal), terminal);
    }
    await print(terminal.err, `${flowCompletenessText(answer.range, answer.completeness)}\n`);
  });
}
