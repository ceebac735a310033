import type { Command } from 'commander';
import { type OutputFormat, printAnswer, withOutput } from '../../output/format.js';
import { servers, withServers } from '../../servers.js';
import { printable, type Terminal } from '../../terminal.js';
import { recordTable } from './records.js';

/** `bpfleet quarantine show ID` */
export function quarantineShow(parent: Command, terminal: Terminal): void {
  const command = parent
    .command('show')
    .argument('<id>', 'of a record, as `bpfleet quarantine list` names it')
    .description('show one record in quarantine: its headers, and how its bytes begin');
  withServers(withOutput(command)).action(async (id: string, options: { output: OutputFormat }) => {
    const { analytics, queryApi } = await servers(command, terminal);
    const record = await analytics.call(queryApi.getQuarantined, { path: { id }, signal: terminal.signal });
    const asTable = () => {
      const headers = Object.entries(record.headers).map(([name, value]) => printable(`${name}: ${value}`));
      return [recordTable([record], terminal), ...headers, '', hexLines(record.hex)].join('\n');
    };
    await printAnswer(record, options.output, asTable, terminal);
  });
}

const SHOWN_BYTES = 256;
const LINE_DIGITS = 32;

function hexLines(hex: string): string {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(hex.length, 2 * SHOWN_BYTES); at += LINE_DIGITS) {
    const pairs = hex.slice(at, at + LINE_DIGITS).match(/.{2}/g) ?? [];
    lines.push(`${String(at / 2).padStart(5)}  ${pairs.join(' ')}\n`);
  }
  return lines.join('');
}
