import type { Direction } from '@bpfleet/contract';
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import type { WantedFilter } from '../../filters/wanted-filter.js';
import { type OutputFormat, printAnswer, withOutput } from '../../output/format.js';
import { expressionOf } from '../../report-error.js';
import { servers, withServers } from '../../servers.js';
import { print, type Terminal } from '../../terminal.js';

const DIRECTIONS: readonly Direction[] = ['any', 'inbound', 'outbound'];

interface ApplyOptions {
  readonly file?: string;
  readonly selector?: string;
  readonly snaplen?: number;
  readonly interface?: string[];
  readonly direction?: Direction;
  readonly sampling?: number;
  readonly packetsPerSecond?: number;
  readonly bytesPerSecond?: number;
  readonly description?: string;
  readonly output: OutputFormat;
}

/** `bpfleet filter apply NAME EXPR`, `bpfleet filter apply -f FILE` */
export function filterApply(parent: Command, terminal: Terminal): void {
  const command = parent
    .command('apply')
    .argument('[name]')
    .argument('[expression...]', 'a pcap-filter expression: tcp port 443 and host 10.0.0.7')
    .description('create a filter, or give it a new version if something changed, and assign it to agents')
    .option('-f, --file <file>', 'read the filters from YAML or JSON; - is standard input')
    .option('-l, --selector <labels>', 'the agents that run it: env=prod,role in (web,api) (default: every agent)')
    .option('-s, --snaplen <bytes>', 'bytes kept of each packet (default: 128)', number(14, 262_144, ' of bytes'))
    .option('-i, --interface <pattern>', 'interfaces, * and ! allowed, repeatable (default: *)', collect)
    .addOption(
      new Option('--direction <direction>', 'packets that come in, or go out (default: any)').choices(DIRECTIONS),
    )
    .option('--sampling <n>', 'keep one packet of so many that match (default: 1)', number(1, 1_000_000))
    .option('--packets-per-second <n>', 'keep no more of them on a host; 0: no limit (default)', number(0, 1e9))
    .option('--bytes-per-second <n>', 'the same in bytes, as they are kept', number(0, 1e12))
    .option('--description <text>')
    .addHelpText('after', '\nWhat is left out stays as it is in the latest version.');
  withServers(withOutput(command)).action(
    async (name: string | undefined, words: string[], options: ApplyOptions): Promise<void> => {
      const { applyFilter } = await import('../../filters/apply-filter.js');
      const wanted = await wantedFilters(command, terminal, name, words, options);
      const connected = await servers(command, terminal);
      for (const filter of wanted) {
        const { filter: now, events } = await expressionOf(filter.expression ?? '', () =>
          applyFilter(filter, connected, terminal.signal),
        );
        if (options.output !== 'table') await print(terminal.err, events.notes.map((note) => `${note}\n`).join(''));
        const lines = [...events.done, ...events.notes].map((line) => `${line}\n`).join('');
        await printAnswer(now, options.output, () => lines, terminal);
      }
    },
  );
}

async function wantedFilters(
  command: Command,
  terminal: Terminal,
  name: string | undefined,
  words: readonly string[],
  options: ApplyOptions,
): Promise<WantedFilter[]> {
  if (options.file !== undefined) {
    const { selector, snaplen, interface: patterns, direction, sampling, description } = options;
    const { packetsPerSecond, bytesPerSecond } = options;
    const given = [
      name,
      selector,
      snaplen,
      patterns,
      direction,
      sampling,
      packetsPerSecond,
      bytesPerSecond,
      description,
    ];
    if (given.some((value) => value !== undefined)) {
      command.error('error: with -f everything stands in the file; leave out the name and the other options');
    }
    const { readWantedFilters } = await import('../../filters/wanted-filter.js');
    return readWantedFilters(options.file, terminal.input);
  }
  if (name === undefined) command.error('error: name the filter, or a file with -f');
  if (words.length === 0) command.error("error: the expression is missing; '' captures every packet");
  const { selector, snaplen: snaplenBytes, interface: interfaces, direction, sampling, description } = options;
  const { packetsPerSecond, bytesPerSecond } = options;
  const hasBudget = packetsPerSecond !== undefined || bytesPerSecond !== undefined;
  return [
    {
      ...{ name, expression: words.join(' '), snaplenBytes, interfaces, direction, sampling, description },
      selectors: selector === undefined ? undefined : [selector],
      budget: hasBudget ? { packetsPerSecond, bytesPerSecond } : undefined,
    },
  ];
}

const number = (least: number, most: number, unit = '') => {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`it is a number${unit} from ${least} to ${most}.`);
  };
};

function collect(pattern: string, before: string[] | undefined): string[] {
  return [...(before ?? []), pattern];
}
