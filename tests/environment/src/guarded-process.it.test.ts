import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { GuardedProcess } from './guarded-process.js';

const folder = () => mkdtempSync(join(tmpdir(), 'bpfleet-guarded-'));

describe('GuardedProcess', () => {
  it('is ended by stop, which may keep the folder', async () => {
    const place = folder();
    const kept = new GuardedProcess(['sleep', '600'], place);
    await Promise.all([kept.stop({ keepFolder: true }), kept.exited]);
    expect(existsSync(place)).toBe(true);
    const guarded = new GuardedProcess(['sleep', '600'], place);
    await guarded.stop();
    await guarded.stop();
    expect(existsSync(place)).toBe(false);
  });

  it('says what the command had to say when it ended by itself', async () => {
    const guarded = new GuardedProcess(['sh', '-c', 'echo out; echo err >&2'], folder());
    expect(await guarded.exited).toBe('out\nerr\n');
    await guarded.stop();
  });

  it('does not outlive a process that is killed with -9, nor does its folder', async () => {
    const place = folder();
    // Built code: Node cannot run the sources.
    const module = pathToFileURL(join(import.meta.dirname, '../dist/guarded-process.js')).href;
    const program = `
      const { GuardedProcess } = await import(process.argv[1]);
      const guarded = new GuardedProcess(['sleep', '600'], process.argv[2]);
      console.log(await guarded.pid);
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', program, '--', module, place], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = Number((await once(parent.stdout, 'data'))[0]);
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await vi.waitFor(() => expect([isAlive(pid), existsSync(place)]).toEqual([false, false]), 5_000);
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
