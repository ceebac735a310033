import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MappedFile } from './mapped-file.js';

const BUILT = new URL('../../dist/index.js', import.meta.url).href;

describe('MappedFile', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-mapped-'));
    path = join(folder, 'file');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is zeros when it is new, and what was written when it is opened again', () => {
    const file = MappedFile.open(path, 4096);
    expect(new Uint8Array(file.memory).every((byte) => byte === 0)).toBe(true);
    new Float64Array(file.memory)[7] = 42;
    file.close();
    file.close();
    const again = MappedFile.open(path, 4096);
    expect(new Float64Array(again.memory)[7]).toBe(42);
    again.close();
    expect(readFileSync(path)).toHaveLength(4096);
  });

  it('gets the size that is asked for', () => {
    writeFileSync(path, 'short');
    const file = MappedFile.open(path, 8192);
    expect([...new Uint8Array(file.memory, 0, 6)]).toEqual([...Buffer.from('short'), 0]);
    expect(file.memory.byteLength).toBe(8192);
    file.close();
  });

  it('has a place on the disk for every page before it is written to', () => {
    MappedFile.open(path, 1 << 20).close();
    // Blocks of 512 bytes, as stat(2) counts them.
    expect(statSync(path).blocks * 512).toBeGreaterThanOrEqual(1 << 20);
  });

  it('is cut when it was longer', () => {
    writeFileSync(path, Buffer.alloc(10_000, 1));
    const file = MappedFile.open(path, 4096);
    expect([...new Uint8Array(file.memory)].every((byte) => byte === 1)).toBe(true);
    file.close();
    expect(readFileSync(path)).toHaveLength(4096);
  });

  it('is let go of, and views that somebody kept do no harm', () => {
    const file = MappedFile.open(path, 8192);
    const kept = new Uint8Array(file.memory);
    kept[5000] = 7;
    file.close();
    expect([kept[5000], kept[0]]).toEqual([0, 0]);
    kept[5000] = 8;
    expect(readFileSync(path)[5000]).toBe(7);
  });

  it('keeps what a process wrote that was killed', async () => {
    const script = `
      const { MappedFile } = await import(${JSON.stringify(BUILT)});
      const words = new Float64Array(MappedFile.open(${JSON.stringify(path)}, 4096).memory);
      words[0] = 1; words[511] = 2 ** 52 + 1;
      console.log('written');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout!, 'data');
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    const file = MappedFile.open(path, 4096);
    const words = new Float64Array(file.memory);
    expect([words[0], words[511]]).toEqual([1, 2 ** 52 + 1]);
    file.close();
  });
});
