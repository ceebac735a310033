import { type Command, InvalidArgumentError } from 'commander';
import { type OutputFormat, printAnswer, withOutput } from '../../output/format.js';
import { servers, withServers } from '../../servers.js';
import type { Terminal } from '../../terminal.js';
import { recordTable } from './records.js';

interface ListOptions {
  readonly reason?: string;
  readonly agent?: string;
  readonly limit?: number;
  readonly output: OutputFormat;
}

/** `bpfleet quarantine list` */
export function quarantineList(parent: Command, terminal: Terminal): void {
  const command = parent
    .command('list')
    .description('list the records that could not be stored, and why')
    .option('--reason <code>', 'only these: crc-mismatch, bad-signature …')
    .option('--agent <id>', 'only those of this agent')
    .option('-n, --limit <count>', 'only the newest (default: 100)', count);
  withServers(withOutput(command)).action(async ({ output, reason, agent, limit }: ListOptions) => {
    const { analytics, queryApi } = await servers(command, terminal);
    const query = {
      ...(reason === undefined ? {} : { reason }),
      ...(agent === undefined ? {} : { agent }),
      ...(limit === undefined ? {} : { limit }),
    };
    const answer = await analytics.call(queryApi.listQuarantine, { query, signal: terminal.signal });
    await printAnswer(answer, output, () => recordTable(answer.items, terminal), terminal);
  });
}

function count(text: string): number {
  if (!/^[1-9]\d{0,2}$|^1000$/.test(text)) throw new InvalidArgumentError('it is a number of records, 1 to 1000.');
  return Number(text);
}
