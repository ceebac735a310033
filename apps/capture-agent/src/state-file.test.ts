import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PrivateKey } from '@bpfleet/service';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keptMemory } from './capture/sections/kept-memory.js';
import { OrderFiles } from './control/order-files.js';
import { writeDurably } from './durable-file.js';
import { Identity } from './opener/identity.js';
import { SessionKeys } from './spool/session-keys.js';
import { readStateFile } from './state-file.js';

describe('a file of the agent’s folders', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-state-file-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const at = (name: string) => join(folder, name);
  /** Nobody ever writes to it. */
  function fifo(name: string): string {
    execFileSync('mkfifo', [at(name)]);
    return at(name);
  }
  const foreign = (words: string) =>
    expect.objectContaining({ code: 'DATA_FOREIGN', message: expect.stringContaining(words) });

  it('is read up to its bound', () => {
    writeFileSync(at('some'), 'four');
    expect(readStateFile(at('some'), 4).toString()).toBe('four');
    expect(() => readStateFile(at('some'), 3)).toThrow(foreign('some has 4 bytes'));
  });

  it('is refused where it is a FIFO or a folder, and nobody waits', () => {
    expect(() => readStateFile(fifo('fifo'), 4)).toThrow(foreign('fifo is no regular file'));
    expect(() => readStateFile(folder, 4)).toThrow(foreign('is no regular file'));
  });

  it('that is a FIFO is as if there was no order, and the next one takes its place', async () => {
    fifo('desired.json');
    const files = new OrderFiles(folder, pino({ level: 'silent' }), () => {});
    expect(await files.read('desired.json')).toBeUndefined();
    await files.write('desired.json', Buffer.from('{}'));
    expect(readFileSync(at('desired.json'), 'utf8')).toBe('{}');
  });

  it('that is a FIFO is no identity', async () => {
    fifo('identity.json');
    await expect(Identity.open(folder, 'host-1')).rejects.toEqual(foreign('identity.json is no regular file'));
  });

  it('that is a FIFO is no session key, which is said', async () => {
    await new SessionKeys(folder).open();
    fifo('keys/7.json');
    const keys = new SessionKeys(folder);
    await keys.open();
    expect(keys.get(7)).toBeUndefined();
    expect(keys.troubles).toEqual([expect.stringContaining('is no regular file')]);
    await keys.add(7, { key: PrivateKey.generate(), delegation: '' });
    expect(keys.areKept).toBe(true);
  });

  it('that is a FIFO is no memory, which is said', () => {
    fifo('open-section');
    const kept = keptMemory(folder, 'open-section', 1 << 20);
    expect(kept.trouble?.message).toContain('is no regular file');
  });

  it('is not written by way of a FIFO in place of its draft', async () => {
    fifo('some.new');
    await expect(writeDurably(folder, 'some', 'text')).rejects.toMatchObject({ code: 'ENXIO' });
  });
});
