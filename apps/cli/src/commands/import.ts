import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { BpfleetError } from '@bpfleet/errors';
import type { Command } from 'commander';
import { type OutputFormat, printAnswer, withOutput } from '../output/format.js';
import { SaidAlready } from '../report-error.js';
import { servers, withServers } from '../servers.js';
import { print, printable, type Terminal } from '../terminal.js';
import { unreadableFile } from '../unreadable-file.js';

/** Of a name that the service takes. */
const MOST_NAME = 200;
/** As tcpdump ends on a file that was cut. */
const EXIT_INCOMPLETE = 1;

/** `bpfleet import FILE` */
export function importFile(parent: Command, terminal: Terminal): void {
  const command = parent
    .command('import')
    .argument('<file>', 'pcap or pcapng')
    .description('store the packets of a capture file, once however often it is imported, to query them as any others');
  withServers(withOutput(command)).action(async (path: string, options: { output: OutputFormat }) => {
    const { analytics, queryApi } = await servers(command, terminal);
    const { formatInstantNs, importMediaType, parseInstantNs } = await import('@bpfleet/contract');
    const { signal } = terminal;
    const found = await stat(path).catch(() => undefined);
    if (found && !found.isFile() && !found.isDirectory()) throw readTwice(path);
    const query = { digest: await digestOf(path, signal), name: basename(path).slice(0, MOST_NAME) };
    const upload = { mediaType: importMediaType, content: chunksOf(path, signal) };
    const answer = await analytics.call(queryApi.importCapture, { query, upload, signal });
    const { packets, skipped, sections, stored, agent, firstPacketAt: since, lastPacketAt: last } = answer;
    // Queries end now, and before the time that they are told.
    const isAhead = last !== undefined && Date.parse(last) >= terminal.now();
    const until = isAhead ? ` --until ${formatInstantNs(parseInstantNs(last, terminal.now()) + 1n)}` : '';
    const question = since === undefined ? '' : `: bpfleet packets --agent ${agent} --since ${since}${until}`;
    const asText = () => printable(`${packets - skipped} packets of ${path}${question}`).concat('\n');
    await printAnswer(answer, options.output, asText, terminal);
    const known = stored === sections ? '' : `; ${sections - stored} were stored before`;
    const left = skipped === 0 ? '' : `; ${skipped} packets fit into no section`;
    await print(terminal.err, `${stored} of ${sections} sections stored${known}${left}\n`);
    if (answer.damage === undefined) return;
    await print(terminal.err, printable(`incomplete: ${answer.damage}`).concat('\n'));
    throw new SaidAlready(EXIT_INCOMPLETE);
  });
}

const readTwice = (path: string): BpfleetError =>
  new BpfleetError('REQUEST_INVALID', `${path} is no file, which could be read twice`, {
    hint: 'write what comes from there into a file first',
  });

/** The file is read twice: its digest names it before its first packet is stored. */
async function digestOf(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunksOf(path, signal)) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

async function* chunksOf(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
  const stream = createReadStream(path, { signal });
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (error) {
    signal.throwIfAborted();
    throw unreadableFile(path, error) ?? error;
  }
}
