import type { AgentLedger } from '@bpfleet/contract';
import type { Command } from 'commander';
import { type Column, table } from '../output/columns.js';
import { type OutputFormat, printAnswer, withOutput } from '../output/format.js';
import { servers, withServers } from '../servers.js';
import type { Terminal } from '../terminal.js';

const columns: readonly Column<AgentLedger>[] = [
  { title: 'AGENT', value: ({ agent }) => agent },
  { title: 'CAPTURED', value: ({ captured }) => captured, align: 'right' },
  { title: 'STORED', value: ({ packetsStored }) => packetsStored, align: 'right' },
  { title: 'LEFT OUT', value: ({ leftOut }) => leftOut, align: 'right' },
  { title: 'DROPPED', value: ({ droppedByKernel }) => droppedByKernel, align: 'right' },
  { title: 'LOST', value: ({ lostWithProcess }) => lostWithProcess, align: 'right' },
  { title: 'MISSING', value: ({ packetsMissing }) => packetsMissing, align: 'right' },
  { title: 'SECTIONS', value: ({ sectionsStored }) => sectionsStored, align: 'right' },
  { title: 'MISSING', value: ({ sectionsMissing }) => sectionsMissing, align: 'right' },
  { title: 'IN QUARANTINE', value: ({ recordsQuarantined }) => recordsQuarantined, align: 'right' },
  { title: 'NOT STORED', value: ({ missing }) => missing.map(rangeText).join(' ') },
];

/** `epoch:first-last` */
const rangeText = ({ epoch, first, last }: AgentLedger['missing'][number]): string =>
  `${epoch}:${first === last ? first : `${first}-${last}`}`;

/** `bpfleet ledger` */
export function ledger(parent: Command, terminal: Terminal): void {
  const command = parent
    .command('ledger')
    .description('show what of the packets of all agents is stored, and what became of the others')
    .addHelpText(
      'after',
      '\nCaptured packets are stored, left out by sampling or a budget, lost with a process, or missing: in sections that did not come.\nThose that the kernel dropped are not among the captured ones.',
    );
  withServers(withOutput(command)).action(async (options: { output: OutputFormat }) => {
    const { analytics, queryApi } = await servers(command, terminal);
    const agents: AgentLedger[] = [];
    let after: string | undefined;
    do {
      const query = after === undefined ? {} : { after };
      const page = await analytics.call(queryApi.getLedger, { query, signal: terminal.signal });
      agents.push(...page.agents);
      after = page.next;
    } while (after !== undefined);
    const asTable = () => table(agents, columns, terminal.out, terminal.env);
    await printAnswer({ agents }, options.output, asTable, terminal);
  });
}
