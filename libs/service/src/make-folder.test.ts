import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder } from './make-folder.js';

describe('makeFolder', () => {
  let root = '';
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'bpfleet-folder-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  it('makes what is missing above it too, for this user alone', async () => {
    await makeFolder(join(root, 'a/b'));
    expect((await stat(join(root, 'a/b'))).mode & 0o777).toBe(0o700);
  });
  it('leaves one that is there, and may be called by two at once', async () => {
    await Promise.all([makeFolder(join(root, 'a/b')), makeFolder(join(root, 'a/b'))]);
    await makeFolder(join(root, 'a/b'));
  });
  it('fails where a file stands in the way', async () => {
    await writeFile(join(root, 'file'), '');
    await expect(makeFolder(join(root, 'file/a'))).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(makeFolder(join(root, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
  });
  it.runIf(process.platform === 'linux')('fails where no folder can be made, instead of trying for ever', async () => {
    await expect(makeFolder('/proc/bpfleet/data')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
