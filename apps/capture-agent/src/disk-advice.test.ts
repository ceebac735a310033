import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MappedFile } from '@bpfleet/linux';
import { makeFolder } from '@bpfleet/service';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { diskAdvice } from './disk-advice.js';
import { writeDurably } from './durable-file.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bpfleet-advice-'));
  mkdirSync(join(folder, 'a-folder'));
  writeFileSync(join(folder, 'a-file'), '');
  symlinkSync('a-loop', join(folder, 'a-loop'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it.each<[string, () => Promise<unknown>]>([
  ['a folder in the place of a file', () => writeDurably(folder, 'a-folder', '')],
  ['a file in the place of a folder', () => makeFolder(join(folder, 'a-file'))],
  ['a file in the place of the folder above', () => writeDurably(join(folder, 'a-file'), 'inner', '')],
  ['a link to itself', async () => readFileSync(join(folder, 'a-loop'))],
  ['a folder in the place of a file to be mapped', async () => MappedFile.open(join(folder, 'a-folder'), 4096)],
])('says of %s to move it away', async (_, work) => {
  const { message } = (await work().catch((error) => error)) as Error;
  expect(diskAdvice(`the spool: keeping it: ${message}`, 'free space')).toBe('move away what stands in its place');
  expect(diskAdvice(message, 'free space')).toBe('move away what stands in its place');
});

it('says of all else what its caller says', async () => {
  const { message } = (await writeDurably(join(folder, 'EISDIR'), 'none', '').catch((error) => error)) as Error;
  expect(diskAdvice(message, 'free space')).toBe('free space');
});
