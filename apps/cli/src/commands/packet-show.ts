import type { Command } from 'commander';
import { type OutputFormat, printAnswer, withOutput } from '../output/format.js';
import { layerLines } from '../packets/layer-lines.js';
import { packetTable } from '../packets/packet-table.js';
import { servers, withServers } from '../servers.js';
import type { Terminal } from '../terminal.js';

/** `bpfleet packets show ID` */
export function packetShow(parent: Command, terminal: Terminal): void {
  const command = parent
    .command('show')
    .argument('<id>', 'of a packet, as `bpfleet packets -o json` names it')
    .description('show one packet in full: its layers and fields, and where they stand in its bytes');
  withServers(withOutput(command)).action(async (id: string, options: { output: OutputFormat }) => {
    const { analytics, queryApi } = await servers(command, terminal);
    const packet = await analytics.call(queryApi.getPacket, { path: { id }, signal: terminal.signal });
    const asTable = () => `${packetTable([packet], terminal)}\n${layerLines(packet.layers)}`;
    await printAnswer(packet, options.output, asTable, terminal);
  });
}
