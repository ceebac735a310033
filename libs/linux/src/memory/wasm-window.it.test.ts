import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MappedFile } from './mapped-file.js';
import { WasmWindow } from './wasm-window.js';

const SIZES = [70_000, 4096];

describe('WasmWindow', () => {
  let folder = '';
  let files: MappedFile[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-window-'));
    files = SIZES.map((sizeBytes, number) => MappedFile.open(join(folder, String(number)), sizeBytes));
  });
  afterEach(() => {
    for (const file of files) file.close();
    rmSync(folder, { recursive: true });
  });

  const open = () =>
    WasmWindow.open(files.map(({ descriptor, memory }) => ({ descriptor, sizeBytes: memory.byteLength })));
  const views = ({ memory, offsets }: WasmWindow) =>
    offsets.map((offset, part) => new Uint8Array(memory.buffer, offset, SIZES[part]));

  it('has each part one behind the other, where what is written is seen on both sides', () => {
    const window = open();
    expect(window.offsets).toEqual([0, 131_072]);
    for (const [part, view] of views(window).entries()) {
      const file = new Uint8Array(files[part]!.memory);
      file[1] = 11 + part;
      view[SIZES[part]! - 1] = 22 + part;
      expect([view[1], file[SIZES[part]! - 1]]).toEqual([11 + part, 22 + part]);
    }
    window.close();
  });

  it('lets go of all when it closes: views read zeros, and what they write is nobody’s', () => {
    const window = open();
    const [view] = views(window);
    view![0] = 1;
    window.close();
    window.close();
    expect(view![0]).toBe(0);
    view![0] = 2;
    expect(new Uint8Array(files[0]!.memory)[0]).toBe(1);
  });

  it('says what cannot be mapped', () => {
    expect(() => WasmWindow.open([{ descriptor: -1, sizeBytes: 4096 }])).toThrow(/mmap/);
  });
});
