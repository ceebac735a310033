import type { Command } from 'commander';
import { type OutputFormat, printAnswer, withOutput } from '../output/format.js';
import { explanationLines } from '../packets/explanation-lines.js';
import { layerLines } from '../packets/layer-lines.js';
import { packetTable } from '../packets/packet-table.js';
import { expressionOf } from '../report-error.js';
import { servers, withServers } from '../servers.js';
import type { Terminal } from '../terminal.js';

interface ShowOptions {
  readonly filter?: string;
  readonly output: OutputFormat;
}

/** `bpfleet packets show ID` */
export function packetShow(parent: Command, terminal: Terminal): void {
  const command = parent
    .command('show')
    .argument('<id>', 'of a packet, as `bpfleet packets -o json` names it')
    .description('show one packet in full: its layers and fields, where they stand in its bytes, and why it matched')
    .option('--filter <expression>', 'explain this expression, too');
  withServers(withOutput(command)).action(async (id: string, options: ShowOptions) => {
    const { analytics, queryApi } = await servers(command, terminal);
    const { filter = '' } = options;
    const query = filter === '' ? {} : { filter };
    const { signal } = terminal;
    const packet = await expressionOf(filter, () =>
      analytics.call(queryApi.getPacket, { path: { id }, query, signal }),
    );
    const asTable = () =>
      [packetTable([packet], terminal), layerLines(packet.layers), explanationLines(packet.why)].join('\n');
    await printAnswer(packet, options.output, asTable, terminal);
  });
}
