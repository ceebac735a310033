import { type Command, InvalidArgumentError } from 'commander';
import { type OutputFormat, printAnswer, withOutput } from '../output/format.js';
import { backtestTables } from '../packets/backtest-tables.js';
import { completenessText } from '../packets/completeness-text.js';
import { expressionOf } from '../report-error.js';
import { servers, withServers } from '../servers.js';
import { print, type Terminal } from '../terminal.js';

interface BacktestOptions {
  readonly against?: string;
  readonly since?: string;
  readonly until?: string;
  readonly agent?: string;
  readonly snaplen?: number;
  readonly samples?: number;
  readonly timeout?: number;
  readonly output: OutputFormat;
}

const MS_PER_S = 1000;

/** `bpfleet backtest EXPR` */
export function backtest(parent: Command, terminal: Terminal): void {
  const command = parent
    .command('backtest')
    .argument('<expression...>', 'the candidate, a pcap-filter expression')
    .description('say what a filter would have captured of the stored packets, and how that differs from a version')
    .option('--against <version>', 'compare with what this version stores: web@3; web is its newest')
    .option('--since <time>', '10m (ago), or 2026-11-22T10:00:00Z (default: 1h)')
    .option('--until <time>', 'as --since (default: now)')
    .option('--agent <id>', 'only packets of this agent')
    .option('--snaplen <bytes>', 'how much of each packet it would keep (default: all)', number)
    .option('--samples <count>', 'of gained and of lost packets each (default: 5)', number)
    .option('--timeout <seconds>', 'answer with what is found by then (default: 60)', number);
  withServers(withOutput(command)).action(async (words: string[], options: BacktestOptions): Promise<void> => {
    const filter = words.join(' ');
    const { analytics, queryApi } = await servers(command, terminal);
    const { signal } = terminal;
    const body = { filter, ...given(options) };
    const answer = await expressionOf(filter, () => analytics.call(queryApi.createBacktest, { body, signal }));
    await printAnswer(answer, options.output, () => backtestTables(answer, terminal), terminal);
    await print(terminal.err, `${completenessText(answer.completeness)}\n`);
  });
}

function given({ against, since, until, agent, snaplen, samples, timeout }: BacktestOptions) {
  return {
    ...(against === undefined ? {} : { against }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(agent === undefined ? {} : { agent }),
    ...(snaplen === undefined ? {} : { snaplenBytes: snaplen }),
    ...(samples === undefined ? {} : { samples }),
    ...(timeout === undefined ? {} : { timeoutMs: timeout * MS_PER_S }),
  };
}

function number(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('it is a whole number.');
  return Number(text);
}
