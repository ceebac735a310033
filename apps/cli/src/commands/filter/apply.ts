import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { WantedFilter } from '../../filters/wanted-filter.js';
import { type OutputFormat, printAnswer, withOutput } from '../../output/format.js';
import { expressionOf } from '../../report-error.js';
import { servers, withServers } from '../../servers.js';
import { print, type Terminal } from '../../terminal.js';

interface ApplyOptions {
  readonly file?: string;
  readonly selector?: string;
  readonly snaplen?: number;
  readonly interface?: string[];
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
    .option('-s, --snaplen <bytes>', 'bytes kept of each packet (default: 128)', snaplen)
    .option('-i, --interface <pattern>', 'interfaces, * and ! allowed, repeatable (default: *)', collect)
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
    const { selector, snaplen: bytes, interface: patterns, description } = options;
    if ([name, selector, bytes, patterns, description].some((value) => value !== undefined)) {
      command.error('error: with -f everything stands in the file; leave out the name and the other options');
    }
    const { readWantedFilters } = await import('../../filters/wanted-filter.js');
    return readWantedFilters(options.file, terminal.input);
  }
  if (name === undefined) command.error('error: name the filter, or a file with -f');
  if (words.length === 0) command.error("error: the expression is missing; '' captures every packet");
  return [
    {
      name,
      expression: words.join(' '),
      ...(options.selector === undefined ? {} : { selectors: [options.selector] }),
      ...(options.snaplen === undefined ? {} : { snaplenBytes: options.snaplen }),
      ...(options.interface === undefined ? {} : { interfaces: options.interface }),
      ...(options.description === undefined ? {} : { description: options.description }),
    },
  ];
}

function snaplen(text: string): number {
  const bytes = Number(text);
  if (!Number.isInteger(bytes) || bytes < 14 || bytes > 262_144) {
    throw new InvalidArgumentError('it is a number of bytes from 14 to 262144.');
  }
  return bytes;
}

function collect(pattern: string, before: string[] | undefined): string[] {
  return [...(before ?? []), pattern];
}
