import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pageText } from './blocks.js';

const ROOT = join(import.meta.dirname, '../..');
const FOLDERS = ['apps', 'libs', 'tests', 'tools'];
const OURS = /\bBPFLEET_(?:TEST|BENCH)_[A-Z][A-Z_]*[A-Z]\b/g;

/** By name, each once. */
const namesIn = (text: string): string[] => [...new Set(text.match(OURS) ?? [])].sort();

function sources(): string {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(ts|mjs)$/.test(file) && !/(^|\/)(node_modules|dist)\//.test(file))
      .map((file) => readFileSync(join(ROOT, folder, file), 'utf8')),
  ).join('\n');
}

describe('docs/11-development.md', () => {
  const [, table = ''] = /## Variables of tests\n([\s\S]*?)\n## /.exec(pageText('11-development.md')) ?? [];

  it('has every variable that a test reads, and no other', () => {
    const read = namesIn(sources());
    expect(read.length).toBeGreaterThan(10);
    expect(namesIn(table)).toEqual(read);
  });
});
