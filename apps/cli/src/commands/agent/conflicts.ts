import { type Command, InvalidArgumentError } from 'commander';
import { conflictTable } from '../../agents/conflict-table.js';
import { type OutputFormat, printAnswer, withOutput } from '../../output/format.js';
import { servers, withServers } from '../../servers.js';
import { print, type Terminal } from '../../terminal.js';

interface ConflictsOptions {
  readonly limit?: number;
  readonly output: OutputFormat;
}

/** `bpfleet agent conflicts` */
export function agentConflicts(parent: Command, terminal: Terminal): void {
  const command = parent
    .command('conflicts')
    .description('list agents that seem to be several (two with one state folder, say), and by what')
    .option('-n, --limit <count>', 'only the newest (default: 100)', count);
  withServers(withOutput(command)).action(async ({ output, limit }: ConflictsOptions) => {
    const { analytics, queryApi } = await servers(command, terminal);
    const query = limit === undefined ? {} : { limit };
    const answer = await analytics.call(queryApi.listIdentityConflicts, { query, signal: terminal.signal });
    if (answer.items.length === 0 && output === 'table') return print(terminal.err, 'no conflicts\n');
    return printAnswer(answer, output, () => conflictTable(answer.items, terminal), terminal);
  });
}

function count(text: string): number {
  if (!/^[1-9]\d{0,2}$|^1000$/.test(text)) throw new InvalidArgumentError('it is a number of conflicts, 1 to 1000.');
  return Number(text);
}
