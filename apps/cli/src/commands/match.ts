import { type Command, InvalidArgumentError, Option } from 'commander';
import { refuseBesideBatch } from '../batch/only-batch.js';
import { type Backend, backends } from '../language/backends.js';
import { compileOptions, type LanguageOptions, withLanguage } from '../language/language-options.js';
import { expressionOf } from '../report-error.js';
import { print, type Terminal } from '../terminal.js';

interface MatchOptions extends LanguageOptions {
  readonly read: string;
  readonly backend: Backend;
  readonly count?: boolean;
  readonly limit?: number;
  readonly batch?: boolean;
}

/** `bpfleet match -r FILE EXPR`: which packets of a capture match, as `tcpdump -r` says. */
export function match(parent: Command, terminal: Terminal): void {
  const command = parent
    .command('match')
    .argument('[expression...]', 'a pcap-filter expression; every packet when left out')
    .description('say which packets of a capture file match; works without a server')
    .option('-r, --read <file>', 'pcap or pcapng; - is standard input', '-')
    .addOption(new Option('--backend <machine>', 'what judges the packets').choices(backends).default('js'))
    .option('--count', 'print only how many match')
    .option('-n, --limit <count>', 'stop behind so many matches', count)
    .option('--batch', 'one JSON request a line on standard input, one answer a line');
  withLanguage(command).action(async (words: string[], options: MatchOptions): Promise<void> => {
    if (options.batch) {
      refuseBesideBatch(command, words);
      const { matchBatch } = await import('../matching/match-batch.js');
      return matchBatch(terminal);
    }
    const expression = words.join(' ');
    const linktype = command.getOptionValueSource('linktype') === 'default' ? undefined : options.linktype;
    const { matchFile } = await import('../matching/match-file.js');
    const compiled = await compileOptions(options);
    const found = await expressionOf(expression, () =>
      matchFile(
        { ...options, expression, compile: { ...compiled, ...(linktype && { linkType: linktype }) }, linktype },
        terminal,
      ),
    );
    if (options.count) await print(terminal.out, `${found.matched}\n`);
    await print(terminal.err, `${found.matched} of ${found.read} packets match${found.undecided}\n`);
  });
}

function count(text: string): number {
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new InvalidArgumentError('it is a number of packets, at least 1.');
  return Number(text);
}
