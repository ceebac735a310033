import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeEpoch } from './epoch.js';

describe('takeEpoch', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bpfleet-epoch-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('starts at the clock', async () => {
    expect(await takeEpoch(folder, 5_000_900)).toBe(5000);
  });

  it('grows by one when the clock stands still, went back, or several starts fall into one second', async () => {
    await takeEpoch(folder, 5_000_000);
    expect(await takeEpoch(folder, 5_000_000)).toBe(5001);
    expect(await takeEpoch(folder, 1_000_000)).toBe(5002);
  });

  it('is on disk before it is handed out', async () => {
    const epoch = await takeEpoch(folder, 7_000_000);
    expect(JSON.parse(await readFile(join(folder, 'epoch.json'), 'utf8'))).toEqual({ epoch });
  });

  it('goes by the clock when the file is torn', async () => {
    await writeFile(join(folder, 'epoch.json'), '{"epo');
    expect(await takeEpoch(folder, 9_000_000)).toBe(9000);
  });
});
