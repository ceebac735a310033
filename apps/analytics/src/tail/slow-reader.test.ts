import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { type PacketRow, TailQuery, tailMediaTypes } from '@bpfleet/contract';
import { createLogger, Registry } from '@bpfleet/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CHUNK_BYTES } from '../packets/chunks.js';
import { sendStream } from '../packets/send-stream.js';
import { stalledReader } from '../packets/stalled-reader.js';
import { LongLog } from '../testing/long-log.js';
import { NOW_MS } from '../testing/sections.js';
import { STEP } from './config.js';
import { tailMetrics } from './metrics.js';
import { TailService } from './tail.service.js';

const PACKETS_PER_SECTION = 500;

describe('A reader that takes nothing, for a while', () => {
  let log: LongLog;
  let server: Server;
  let response: ServerResponse | undefined;
  let sent: Promise<void>;
  let client: IncomingMessage;
  let stalledMs: number;

  beforeEach(async () => {
    log = new LongLog(PACKETS_PER_SECTION);
    stalledMs = 300_000;
    response = undefined;
    const logger = createLogger({ name: 'test', level: 'silent' });
    const service = new TailService({ source: log, metrics: tailMetrics(new Registry()), logger });
    server = createServer((request, answer) => {
      response = answer;
      const mediaType = request.headers.accept as (typeof tailMediaTypes)['ndjson'];
      const closed = new AbortController();
      answer.once('close', () => closed.abort());
      const signal = AbortSignal.any([closed.signal, stalledReader(answer, stalledMs)]);
      const query = TailQuery.parse({ since: '-10m' });
      const body = service.chunks(query, undefined, mediaType, NOW_MS, signal);
      sent = sendStream({ mediaType, body }, answer, signal);
      sent.catch(() => answer.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    client.destroy();
    server.close();
    await sent.catch(() => undefined);
  });

  /** Asks, and reads nothing: what the kernel has no room for stays with the server. */
  async function ask(accept: string): Promise<void> {
    const { port } = server.address() as AddressInfo;
    client = await new Promise((resolve, reject) => {
      get({ host: '127.0.0.1', port, headers: { accept }, agent: false }, resolve).on('error', reject);
    });
    client.on('error', () => undefined);
    await expect.poll(() => response?.writableNeedDrain).toBe(true);
  }
  const turns = async (count: number) => {
    for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
  };
  /** Until the kernel takes no more and nothing is read any more. */
  async function untilFull(): Promise<void> {
    let before: readonly number[];
    do {
      before = [log.readBytes, response!.socket!.bytesWritten];
      await turns(200);
    } while (log.readBytes !== before[0] || response!.socket!.bytesWritten !== before[1]);
  }

  it.each(Object.entries(tailMediaTypes))('makes the server read no further, and hold little (%s)', async (_, type) => {
    await ask(type);
    await untilFull();
    const { readBytes } = log;
    await turns(2000);
    expect(log.readBytes).toBe(readBytes);
    // In the response, beside what the stream before it holds: a few chunks, of any step.
    expect(response!.writableLength).toBeLessThanOrEqual(4 * CHUNK_BYTES);
    // The last step is what is held; the sections of those before have gone out.
    const outBytes = response!.socket!.bytesWritten;
    expect(readBytes).toBeLessThanOrEqual(outBytes + 2 * STEP.bytes);
  });

  it('gets each packet once when it reads on', async () => {
    await ask(tailMediaTypes.ndjson);
    await untilFull();
    const wanted = (log.read + STEP.sections) * PACKETS_PER_SECTION;
    let seen = 0;
    for await (const line of createInterface({ input: client })) {
      const { id } = JSON.parse(line) as Partial<PacketRow>;
      if (id === undefined) continue;
      if (id !== `host-1.1.${Math.floor(seen / PACKETS_PER_SECTION)}.${seen % PACKETS_PER_SECTION}`) break;
      if (++seen === wanted) break;
    }
    expect(seen).toBe(wanted);
  });

  it('is ended after its time', async () => {
    stalledMs = 50;
    await ask(tailMediaTypes.pcapng);
    await expect(sent).rejects.toMatchObject({ code: 'TOO_BUSY' });
    expect(response!.destroyed).toBe(true);
  });

  it('is not ended when it takes some of it now and then', async () => {
    stalledMs = 300;
    await ask(tailMediaTypes.pcapng);
    await untilFull();
    const { bytesWritten } = response!.socket!;
    // Twice the limit, unless it is ended before. A kernel takes more only when much of its buffer is free.
    for (let round = 0; round < 8 && !response!.destroyed; round++) {
      for (let piece = 0; piece < 30; piece++) {
        client.read();
        await turns(1);
      }
      await delay(stalledMs / 4);
    }
    expect(response!.destroyed).toBe(false);
    expect(response!.socket!.bytesWritten).toBeGreaterThan(bytesWritten);
  });
});
