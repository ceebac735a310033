import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { UsageMeter } from './usage-meter.js';

describe('UsageMeter', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('goes by what it read last where descriptors have run out', () => {
    const meter = new UsageMeter(undefined);
    const rss = vi.spyOn(process.memoryUsage, 'rss').mockReturnValueOnce(1000);
    expect(meter.read(0).memoryBytes).toBe(1000);
    rss.mockImplementation(() => {
      throw new Error('EMFILE: too many open files, uv_resident_set_memory');
    });
    expect(meter.read(0).memoryBytes).toBe(1000);
  });

  it('counts of the opener what is not also in this process, which is most of a program', async () => {
    const opener = spawn(process.execPath, ['-e', 'process.stdout.write("."); setInterval(() => {}, 1e6)']);
    await once(opener.stdout, 'data');
    const kib = (name: string) =>
      Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${opener.pid}/status`, 'utf8'))![1]);
    vi.spyOn(process.memoryUsage, 'rss').mockReturnValue(1_000_000_000);
    const counted = new UsageMeter(opener.pid).read(0).memoryBytes - 1_000_000_000;
    expect(Math.abs(counted - kib('RssAnon') * 1024)).toBeLessThan(2 ** 21);
    expect(counted).toBeLessThan(kib('VmRSS') * 1024 - 2 ** 24);
    opener.kill();
    await once(opener, 'exit');
  });
});
