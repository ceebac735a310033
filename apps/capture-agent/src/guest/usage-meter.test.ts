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
});
