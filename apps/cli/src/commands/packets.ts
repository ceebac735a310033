import type { PacketQuery, TailQuery } from '@bpfleet/contract';
import { type Command, InvalidArgumentError } from 'commander';
import { type OutputFormat, printAnswer, withOutput } from '../output/format.js';
import { completenessText } from '../packets/completeness-text.js';
import { followCapture, followPackets } from '../packets/follow.js';
import { packetTable } from '../packets/packet-table.js';
import { writeCapture } from '../packets/write-capture.js';
import { expressionOf } from '../report-error.js';
import { servers, withServers } from '../servers.js';
import { print, type Terminal } from '../terminal.js';
import { packetShow } from './packet-show.js';

interface PacketOptions {
  readonly since?: string;
  readonly until?: string;
  readonly limit?: number;
  readonly write?: string;
  readonly agent?: string;
  readonly version?: string;
  readonly linktype?: string;
  readonly mixed?: true;
  readonly timeout?: number;
  readonly follow?: true;
  readonly output: OutputFormat;
}

/** `bpfleet packets EXPR`, and `bpfleet packets show ID` */
export function packets(parent: Command, terminal: Terminal): void {
  const command = parent
    .command('packets')
    // Options behind `show` are its own.
    .enablePositionalOptions()
    .argument('[expression...]', 'a pcap-filter expression; every packet when left out')
    .description('query stored packets, or write them as a pcapng file')
    .option('--since <time>', '10m (ago), or 2026-11-22T10:00:00Z (default: 1h)')
    .option('--until <time>', 'as --since (default: now)')
    .option('-n, --limit <count>', 'only the newest (default: 100, with -w all)', count)
    .option('-w, --write <file>', 'write a pcapng file; - is standard output: | tshark -r -', fileName)
    .option('--agent <id>', 'only packets of this agent')
    .option('--version <filter>', 'only packets that this filter stored: web, or one version: web@3')
    .option('--linktype <name>', 'only this link type; a capture file has one')
    .option('--mixed', 'with -w, all link types in one file: for Wireshark and tshark, not for tcpdump')
    .option('-f, --follow', 'go on with what comes, until Ctrl-C (since: now); with -w a capture without an end')
    .option('--timeout <seconds>', 'answer with what is found by then (default: 30, with -w an hour)', seconds);
  packetShow(command, terminal);
  withServers(withOutput(command)).action(async (words: string[], options: PacketOptions): Promise<void> => {
    const misuse = misuseOf(options, terminal);
    if (misuse !== undefined) command.error(`error: ${misuse}`);
    const filter = words.join(' ');
    const query = queryOf(filter, options);
    const { analytics, queryApi } = await servers(command, terminal);
    const { signal } = terminal;
    await expressionOf(filter, async () => {
      if (options.follow) {
        const tail = query as Partial<TailQuery>;
        if (options.write === undefined) return followPackets(tail, options.output, analytics, queryApi, terminal);
        return followCapture(options.write, tail, analytics, queryApi, terminal);
      }
      if (options.write !== undefined) return writeCapture(options.write, query, analytics, queryApi, terminal);
      const answer = await analytics.call(queryApi.listPackets, { query, signal });
      if (answer.packets.length > 0 || options.output !== 'table') {
        await printAnswer(answer, options.output, () => packetTable(answer.packets, terminal), terminal);
      }
      // Beside the table, not in it: the answer can be piped on, the figure is still seen.
      await print(terminal.err, `${answer.packets.length} packets of ${completenessText(answer.completeness)}\n`);
    });
  });
}

/** What is wrong with options that are right each for itself. */
function misuseOf(options: PacketOptions, terminal: Terminal): string | undefined {
  const { write, follow, mixed, until, limit, timeout, linktype } = options;
  if (write === '-' && terminal.out.isTTY) {
    return 'a capture file is not for a terminal; pipe it on (| tcpdump -r -) or name a file';
  }
  if (follow && (until ?? limit ?? timeout) !== undefined) {
    return '--follow has no end: leave out --until, --limit and --timeout';
  }
  if (mixed && write === undefined) return '--mixed is for capture files: name one with -w';
  if (mixed && follow) return 'with --follow a file may have several link types anyway: leave out --mixed';
  if (mixed && linktype !== undefined) return '--linktype is one, --mixed are all: leave one of them out';
  return undefined;
}

function queryOf(filter: string, options: PacketOptions): Partial<PacketQuery> {
  const { since, until, limit, agent, version, linktype, mixed, timeout } = options;
  return {
    ...(filter === '' ? {} : { filter }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(limit === undefined ? {} : { limit }),
    ...(agent === undefined ? {} : { agent }),
    ...(version === undefined ? {} : { version }),
    ...(linktype === undefined ? {} : { linktype }),
    ...(mixed ? { mixed: 'true' } : {}),
    ...(timeout === undefined ? {} : { timeoutMs: timeout * 1000 }),
  };
}

function seconds(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text) || Number(text) > 3600) throw new InvalidArgumentError('it is 1 to 3600.');
  return Number(text);
}

function count(text: string): number {
  if (!/^[1-9]\d{0,7}$/.test(text)) throw new InvalidArgumentError('it is a number of packets, at least 1.');
  return Number(text);
}

function fileName(text: string): string {
  if (text === '') throw new InvalidArgumentError('a file needs a name; - is standard output.');
  return text;
}
