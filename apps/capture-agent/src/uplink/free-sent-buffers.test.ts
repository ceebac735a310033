import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const FILE = fileURLToPath(new URL('../../dist/uplink/free-sent-buffers.js', import.meta.url));

/** Sends nothing but makes buffers as sends do, and answers how many MB of them are left. */
const script = `
  const { freeSentBuffers } = await import(process.argv[1]);
  for (let send = 0; send < 50; send++) {
    Buffer.alloc(1_000_000);
    freeSentBuffers();
  }
  console.log(process.memoryUsage().arrayBuffers / 1e6);
`;
const leftWith = (...flags: string[]): number =>
  Number(execFileSync(process.execPath, [...flags, '--input-type=module', '-e', script, FILE]));

describe('freeSentBuffers', () => {
  it('frees what was sent, where Node lets it', () => {
    expect(leftWith('--expose-gc')).toBeLessThan(3);
    expect(leftWith()).toBeGreaterThan(5);
  });
});
