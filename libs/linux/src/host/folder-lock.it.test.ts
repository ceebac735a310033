import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderLock } from './folder-lock.js';

describe.runIf(process.platform === 'linux')('FolderLock', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-lock-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('says which process holds it, and is free once that is gone, however it went', async () => {
    // -o: what it starts does not hold the lock, and ends with this process.
    const holder = spawn('flock', ['-o', folder, 'cat'], { stdio: ['pipe', 'pipe', 'ignore'] });
    holder.stdin.write('held');
    await once(holder.stdout, 'data');
    const take = () => FolderLock.take(folder);
    expect(take).toThrow(expect.objectContaining({ code: 'DATA_IN_USE' }));
    expect(take).toThrow(new RegExp(`the folder ${folder} is in use by process ${holder.pid} \\(.+\\)`));
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    holder.stdin.end();
    await expect.poll(take).toBeInstanceOf(FolderLock);
  });

  it('is free for the next one once it is released, and not before', () => {
    const lock = FolderLock.take(folder);
    expect(() => FolderLock.take(folder)).toThrow(new RegExp(`in use by process ${process.pid} `));
    lock.release();
    lock.release();
    FolderLock.take(folder).release();
  });
});
