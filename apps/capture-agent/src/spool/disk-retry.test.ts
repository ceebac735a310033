import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DiskRetry } from './disk-retry.js';

describe('DiskRetry', () => {
  let folder: string;
  let spool: string;
  let retry: DiskRetry;
  const sections = {
    isRefused: false,
    taken: () => {
      sections.isRefused = false;
    },
  };
  const keys = { areKept: true, keepRefused: vi.fn(async () => {}) };
  const onTaken = vi.fn();
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-retry-'));
    spool = join(folder, 'spool');
    sections.isRefused = false;
    keys.areKept = true;
    vi.clearAllMocks();
    retry = new DiskRetry(spool, sections, keys, onTaken, 5);
  });
  afterEach(() => {
    retry.stop();
    rmSync(folder, { recursive: true });
  });
  const tried = (times: number) => vi.waitFor(() => expect(keys.keepRefused.mock.calls.length).toBeGreaterThan(times));

  it('has no timer while nothing is refused', () => {
    const timers = vi.spyOn(globalThis, 'setTimeout');
    retry.look();
    expect(timers).not.toHaveBeenCalled();
    sections.isRefused = true;
    retry.look();
    retry.look();
    expect(timers).toHaveBeenCalledOnce();
    timers.mockRestore();
  });

  it('tries until the disk takes sections, leaves nothing on it, and says so once', async () => {
    sections.isRefused = true;
    // Root may write anywhere but into a file.
    writeFileSync(spool, '');
    retry.look();
    await tried(2);
    expect([sections.isRefused, onTaken.mock.calls.length]).toEqual([true, 0]);
    rmSync(spool);
    mkdirSync(spool);
    await vi.waitFor(() => expect(onTaken).toHaveBeenCalledOnce());
    expect([sections.isRefused, readdirSync(spool)]).toEqual([false, []]);
  });

  it('tries keys alone where the disk took all sections', async () => {
    keys.areKept = false;
    retry.look();
    await tried(2);
    expect(onTaken).not.toHaveBeenCalled();
    keys.areKept = true;
    await vi.waitFor(() => expect(onTaken).toHaveBeenCalledOnce());
  });

  it('tries no more once it is stopped', async () => {
    keys.areKept = false;
    retry.look();
    await tried(0);
    retry.stop();
    retry.look();
    const timers = vi.spyOn(globalThis, 'setTimeout');
    await new Promise((resolve) => setImmediate(resolve));
    retry.look();
    expect(timers).not.toHaveBeenCalled();
    timers.mockRestore();
  });
});
