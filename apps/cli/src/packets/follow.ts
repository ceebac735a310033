import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiClient, NotRetained, PacketRow, queryApi as QueryApi, TailGap, TailQuery } from '@bpfleet/contract';
import { BpfleetError, type ErrorCode, hasCode } from '@bpfleet/errors';
import type { OutputFormat } from '../output/format.js';
import { print, printable, type Terminal } from '../terminal.js';
import { writtenAsItComes } from './capture-file.js';
import { receive } from './write-capture.js';

const RETRY_MS = 1_000;

/** The server is away, or sends us to another replica: what was followed goes on there. */
const passing: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['SERVER_UNREACHABLE', 'STORE_UNAVAILABLE', 'TOO_BUSY']);

type Tails = Pick<typeof QueryApi, 'tailPackets'>;

/**
 * Prints packets as they come, one a line, until Ctrl-C. Where the connection breaks it goes on behind the last cursor:
 * rows are printed only when the cursor behind them has come, so that none is missed and none is printed twice.
 * @throws BpfleetError when the first try fails, or the server refuses
 */
export async function followPackets(
  query: Partial<TailQuery>,
  format: OutputFormat,
  analytics: ApiClient,
  { tailPackets }: Tails,
  terminal: Terminal,
): Promise<void> {
  const { tailMediaTypes } = await import('@bpfleet/contract');
  const { signal } = terminal;
  const headers = { accept: tailMediaTypes.ndjson };
  let cursor: string | undefined;
  let breakIsSaid = false;
  while (!signal.aborted) {
    try {
      const asked = cursor === undefined ? query : { ...query, cursor };
      const response = await analytics.send(tailPackets, { query: asked, headers, signal });
      cursor = await printLines(response, format, terminal, cursor, (behind) => {
        cursor = behind;
        breakIsSaid = false;
      });
    } catch (error) {
      if (signal.aborted) return;
      if (cursor === undefined || !isPassing(error)) throw error;
    }
    // Once, however often it is tried while the server is away.
    if (!breakIsSaid) await print(terminal.err, 'the connection broke; going on where it was\n');
    breakIsSaid = true;
    await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Writes a capture file as packets come, until Ctrl-C. It has no place for a cursor: where the connection breaks, it ends. */
export async function followCapture(
  path: string,
  query: Partial<TailQuery>,
  analytics: ApiClient,
  { tailPackets }: Tails,
  terminal: Terminal,
): Promise<void> {
  const { tailMediaTypes } = await import('@bpfleet/contract');
  const { signal } = terminal;
  let isBegun = false;
  try {
    const response = await analytics.send(tailPackets, { query, headers: { accept: tailMediaTypes.pcapng }, signal });
    isBegun = true;
    if (path === '-') await receive(response, terminal.out, signal);
    else await receive(response, writtenAsItComes(path), signal, { path });
  } catch (error) {
    if (signal.aborted) return;
    // Of which the packets are written, unlike of a capture with an end.
    const isBroken = hasCode(error, 'SERVER_UNREACHABLE') && isBegun;
    throw isBroken ? ended(error) : error;
  }
  throw ended();
}

const ended = (cause?: Error): BpfleetError =>
  new BpfleetError('SERVER_UNREACHABLE', 'the server ended the capture', {
    cause,
    hint: 'what came is written; ask again with --since the last packet',
  });

/** @returns the last cursor, when the answer ends */
async function printLines(
  response: Response,
  format: OutputFormat,
  terminal: Terminal,
  begin: string | undefined,
  onCursor: (cursor: string) => void,
): Promise<string | undefined> {
  const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
  let cursor = begin;
  let waiting: string[] = [];
  let broken: Error | undefined;
  const lines = createInterface({ input: body, crlfDelay: Number.POSITIVE_INFINITY });
  // Readline waits for ever behind an input that broke.
  body.once('error', (error) => {
    broken = error;
    lines.close();
  });
  for await (const text of lines) {
    const line = parsed(text);
    if (line === undefined) break;
    if ('gap' in line) await tell(gapText(line.gap), terminal);
    else if ('notRetained' in line) for (const part of line.notRetained) await tell(notRetainedText(part), terminal);
    else if (!('cursor' in line)) waiting.push(format === 'table' ? rowLine(line) : `${text}\n`);
    else {
      if (waiting.length > 0) await print(terminal.out, waiting.join(''));
      waiting = [];
      cursor = line.cursor;
      onCursor(cursor);
    }
  }
  body.destroy();
  if (broken && cursor === undefined) throw lost(broken);
  return cursor;
}

type Line = { readonly cursor: string } | { readonly gap: TailGap } | { readonly notRetained: NotRetained } | PacketRow;

/** Undefined: the connection broke in the middle of it. */
function parsed(text: string): Line | undefined {
  try {
    return JSON.parse(text) as Line;
  } catch {
    // Asked for again, from the last cursor on.
    return undefined;
  }
}

const rowLine = ({ at, agent, interface: name, summary }: PacketRow): string =>
  `${printable(`${at} ${agent} ${name} ${summary}`)}\n`;

/** Beside the packets: what is piped on stays packets. */
const tell = (text: string, terminal: Terminal): Promise<void> => print(terminal.err, `${printable(text)}\n`);

const gapText = ({ reason, partition, firstOffset, endOffset, records }: TailGap): string =>
  `a gap: ${reason}, up to ${records} records, offsets ${firstOffset} to ${endOffset} of partition ${partition}`;

const notRetainedText = ({ since, until }: NotRetained[number]): string =>
  `from ${since} to ${until} not all is kept any more`;

const isPassing = (error: unknown): boolean =>
  !(error instanceof BpfleetError) ? error instanceof TypeError : passing.has(error.code);

const lost = (cause: Error): BpfleetError =>
  new BpfleetError('SERVER_UNREACHABLE', 'the server broke off before it sent anything', { cause });
