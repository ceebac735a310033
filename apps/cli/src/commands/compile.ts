import { type Command, InvalidArgumentError } from 'commander';
import { expressionOf } from '../report-error.js';
import { print, type Terminal } from '../terminal.js';

interface CompileCommandOptions {
  readonly linktype: string;
  readonly snaplen: number;
  readonly optimize: boolean;
  readonly json?: boolean;
}

/** `bpfleet compile EXPR`: offline, no server is asked. */
export function compile(parent: Command, terminal: Terminal): void {
  let dumps = 0;
  const command = parent
    .command('compile')
    .argument('[expression...]', 'a pcap-filter expression; every packet when left out')
    .description('compile an expression and print its program; works without a server')
    // commander reads -dd as -d twice, which is how it was meant anyway.
    .option('-d, --dump', 'as tcpdump: -d a listing, -dd C, -ddd decimal numbers (default: -d)')
    .option('--json', 'instructions as [code, jt, jf, k]')
    .option('-y, --linktype <name>', 'link type', 'EN10MB')
    .option('-s, --snaplen <bytes>', 'what the program returns on a match', snaplen, 262_144)
    .option('-O, --no-optimize', 'keep the plain form')
    .on('option:dump', () => dumps++);
  command.action(async (words: string[], options: CompileCommandOptions): Promise<void> => {
    if (dumps > 3) command.error('error: -ddd is the last of its kind');
    if (dumps > 0 && options.json) command.error('error: choose -d or --json');
    const [language, { formatProgram, toTuples }] = await Promise.all([
      import('@bpfleet/pcap-filter'),
      import('@bpfleet/bpf'),
    ]);
    const expression = words.join(' ');
    const { linktype: linkType, snaplen: snaplenBytes, optimize } = options;
    const { program } = await expressionOf(expression, async () =>
      language.compile(expression, { linkType, snaplenBytes, optimize }),
    );
    if (options.json) {
      return print(terminal.out, `${JSON.stringify({ linkType, snaplenBytes, program: toTuples(program) })}\n`);
    }
    const listing = formatProgram(program, dumps === 3 ? 'ddd' : dumps === 2 ? 'dd' : 'd');
    return print(terminal.out, listing.endsWith('\n') ? listing : `${listing}\n`);
  });
}

function snaplen(text: string): number {
  const bytes = Number(text);
  if (!/^\d+$/.test(text) || bytes < 1 || bytes > 0xffff_ffff) {
    throw new InvalidArgumentError('it is a number of bytes, at least 1.');
  }
  return bytes;
}
