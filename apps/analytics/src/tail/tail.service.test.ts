import { TailQuery, tailMediaTypes } from '@bpfleet/contract';
import { createLogger, Registry } from '@bpfleet/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { importAgent } from '../imports/import-agent.js';
import { LongLog } from '../testing/long-log.js';
import { NOW_MS } from '../testing/sections.js';
import { tailMetrics } from './metrics.js';
import { TailService } from './tail.service.js';
import type { TailParts } from './tail-parts.js';
import type { TailSource } from './tail-source.js';

const logger = createLogger({ name: 'test', level: 'silent' });
const partsOf = (source: TailSource): TailParts => ({ source, metrics: tailMetrics(new Registry()), logger });

describe('TailService', () => {
  let log: LongLog;
  let service: TailService;
  let ending: AbortController;

  beforeEach(() => {
    log = new LongLog();
    service = new TailService(partsOf(log));
    ending = new AbortController();
  });
  afterEach(() => ending.abort());

  const follow = (agent?: string) =>
    service.chunks(TailQuery.parse({ since: '-10m', agent }), undefined, tailMediaTypes.ndjson, NOW_MS, ending.signal);

  it('reads nothing that its receiver does not take', async () => {
    const chunks = follow();
    await chunks.next();
    expect(log.read).toBe(0);
    await chunks.next();
    const step = log.read;
    await chunks.next();
    expect(log.read).toBe(2 * step);
    await chunks.return();
  });
  it('refuses more tails than it has room for, and takes one again when another has ended', async () => {
    const tails = Array.from({ length: 64 }, () => follow());
    for (const tail of tails) await tail.next();
    await expect(follow().next()).rejects.toMatchObject({ code: 'TOO_BUSY' });
    await tails[0]!.return();
    await expect(follow().next()).resolves.toMatchObject({ done: false });
  });
  // Of which nothing would ever come.
  it('refuses an imported file, and no host whose name only begins like one', async () => {
    const imported = importAgent(`sha256:${'0123456789abcdef'.repeat(4)}`);
    await expect(follow(imported).next()).rejects.toMatchObject({
      ...{ code: 'REQUEST_INVALID', message: expect.stringContaining(imported) },
      hint: expect.stringContaining('/packets'),
    });
    await expect(follow('import-7').next()).resolves.toMatchObject({ done: false });
  });
  it('ends with its signal', async () => {
    const tail = follow();
    await tail.next();
    ending.abort(new Error('gone'));
    await expect(tail.next()).rejects.toThrow('gone');
  });
});
