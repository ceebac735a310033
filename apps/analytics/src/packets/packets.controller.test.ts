import { get, type IncomingMessage } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { packetMediaTypes, queryApi } from '@bpfleet/contract';
import { createLogger, Registry } from '@bpfleet/service';
import { createNestApp, listen, type NestApp } from '@bpfleet/service/nest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { analyticsModule } from '../analytics.module.js';
import { MemoryLedger } from '../ledger/memory-ledger.js';
import { MemoryQuarantine } from '../quarantine/memory-quarantine.js';
import { VersionTable } from '../registry/known-versions.js';
import { tailMetrics } from '../tail/metrics.js';
import { makeSection, NOW_MS, NOW_NS, storedSection } from '../testing/sections.js';
import { MOST_FILES } from './config.js';
import { MemorySections } from './memory-sections.js';

/** A store whose answer never ends, until it is told to. */
class EndlessSections extends MemorySections {
  isEnded = false;
  /** Waits with each section after this one, as a slow database does. */
  waitAfter = Number.POSITIVE_INFINITY;
  readonly #section = storedSection(
    makeSection({
      ...{ agent: 'a', epoch: 1, seq: 0, filter: 'web@1' },
      packets: Array(20).fill({ atNs: NOW_NS - 1n, bytes: new Uint8Array(10_000) }),
    }),
  );

  override async *sections(_query: unknown, signal: AbortSignal) {
    try {
      for (;;) {
        if (this.read++ >= this.waitAfter) await aborted(signal);
        // As a database does, it lets others have their turn.
        await setImmediate();
        signal.throwIfAborted();
        yield this.#section;
      }
    } finally {
      this.isEnded = true;
    }
  }
}

const noStore = () => Promise.reject(new Error('no store here'));
const noTails = {
  ...{ ends: noStore, places: noStore, sections: noStore, firstOffset: noStore },
  ...{ retainedFromUs: noStore, givenUp: noStore },
};

const noImports = {
  owner: '',
  get ingest(): never {
    throw new Error('nothing is imported here');
  },
  get store(): never {
    throw new Error('nothing is imported here');
  },
};

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));

describe('PacketsController', () => {
  let source: EndlessSections;
  let app: NestApp;
  let url: string;
  let lines: { readonly level: string; readonly msg: string }[];

  beforeEach(async () => {
    source = new EndlessSections();
    lines = [];
    const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
    const logger = createLogger({ name: 'test', level: 'debug', destination });
    const metrics = new Registry();
    app = await createNestApp(
      analyticsModule({
        sections: source,
        conflicts: { list: async () => [] },
        flows: { ask: () => Promise.reject(new Error('no store here')) },
        ledger: new MemoryLedger(),
        storeStatus: { status: () => Promise.reject(new Error('no store here')) },
        tails: { source: noTails, metrics: tailMetrics(metrics), logger },
        quarantine: new MemoryQuarantine(),
        publisher: { publish: async () => {} },
        imports: noImports,
        versions: new VersionTable(),
        clock: { nowMs: () => NOW_MS },
      }),
      {
        name: 'test',
        info: { title: 'test', version: '1' },
        logger,
        metrics,
      },
    );
    ({ url } = await listen(app, { host: '127.0.0.1', port: 0, logger }));
  });
  afterEach(() => app.close());

  const path = `${queryApi.listPackets.path}?limit=0&linktype=EN10MB`;
  const headers = { accept: packetMediaTypes.pcapng };
  const begin = (asked = path) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      get(url + asked, { headers, agent: false }, resolve).on('error', reject);
    });
  const failures = () => lines.filter(({ level }) => level === 'warn' || level === 'error');

  it('ends the query when the receiver hangs up', async () => {
    (await begin()).destroy();
    await expect.poll(() => source.isEnded).toBe(true);
    expect(failures()).toEqual([]);
  });
  it('ends the query when the receiver hangs up before the first byte', async () => {
    source.waitAfter = 0;
    const request = get(url + path, { headers });
    request.on('error', () => {});
    await expect.poll(() => source.read).toBeGreaterThan(0);
    request.destroy();
    await expect.poll(() => source.isEnded).toBe(true);
    await expect.poll(() => lines.some(({ msg }) => msg === 'request')).toBe(true);
    expect(failures()).toEqual([]);
  });
  it('answers 503 to one more than may read at a time, and takes the next when one has gone', async () => {
    const reading = await Promise.all(Array.from({ length: MOST_FILES }, () => begin()));
    const refused = await begin();
    expect(refused.statusCode).toBe(503);
    expect(refused.headers['retry-after']).toBe('1');
    refused.resume();
    // Rows find a place beside all the files that may be read.
    const rows = await fetch(url + path.replace('limit=0', 'limit=1'));
    expect(rows.status).toBe(200);
    await rows.body?.cancel();
    reading[0]!.destroy();
    await expect.poll(async () => (await begin()).statusCode).toBe(200);
  });
  it('takes its place from a reader that takes nothing, when its query has had its time', {
    timeout: 40_000,
  }, async () => {
    // Shorter than the least, and longer than it takes to fill what the kernel has room for.
    const slow = `${path}&timeoutMs=5000`;
    const reading = await Promise.all(Array.from({ length: MOST_FILES }, () => begin(slow)));
    expect((await begin()).statusCode).toBe(503);
    await expect.poll(async () => (await begin()).statusCode, { timeout: 30_000, interval: 200 }).toBe(200);
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        msg: 'request failed',
        err: expect.objectContaining({
          code: 'TOO_BUSY',
          message: expect.stringContaining('the reader took nothing for 10 s'),
        }),
      }),
    );
    for (const response of reading) response.destroy();
  });
  it('breaks answers off when the service stops', async () => {
    const response = await begin();
    response.on('error', () => {});
    const closed = new Promise<boolean>((resolve) => response.on('close', () => resolve(response.complete)));
    response.resume();
    await app.close();
    expect(await closed).toBe(false);
    expect(source.isEnded).toBe(true);
  });
  it('answers 503 to those whose answer has not begun when the service stops', async () => {
    source.waitAfter = 0;
    const response = begin();
    await expect.poll(() => source.read).toBeGreaterThan(0);
    await app.close();
    expect((await response).statusCode).toBe(503);
  });
});
