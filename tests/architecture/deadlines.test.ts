import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');

it('no source waits by AbortSignal.timeout: inside AbortSignal.any Node 20 forgets it, see libs/contract/src/deadline.ts', () => {
  const offenders = ['libs', 'apps']
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((f) => join(folder, f)),
    )
    .filter((file) => /\/src\/.*\.ts$/.test(file) && !file.endsWith('.test.ts') && !file.includes('node_modules'))
    .filter((file) => /AbortSignal\.timeout\(/.test(readFileSync(join(root, file), 'utf8')));
  expect(offenders).toEqual([]);
});
