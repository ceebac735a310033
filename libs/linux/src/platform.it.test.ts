import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { canCapture, platform } from './platform.js';

const run = promisify(execFile);
const possible = canCapture();
const title = possible.ok ? 'without CAP_NET_RAW' : `without CAP_NET_RAW (skipped: ${possible.reason})`;

/** Runs an expression on the library's source in a process that root's exec left without the capability. */
async function withoutNetRaw(expression: string): Promise<unknown> {
  const index = fileURLToPath(new URL('./index.ts', import.meta.url));
  const script = `
    import { runnerImport } from 'vite';
    const ssr = { resolve: { conditions: ['@bpfleet/source', 'node'] } };
    const { module: linux } = await runnerImport(${JSON.stringify(index)}, { configFile: false, logLevel: 'error', ssr });
    const tried = (action) => { try { return action(); } catch ({ code, hint }) { return { code, hint }; } };
    console.log(JSON.stringify(tried(() => ${expression})));`;
  const node = [process.execPath, '--input-type=module', '-e', script];
  const { stdout } = await run('setpriv', ['--bounding-set=-net_raw', ...node]);
  return JSON.parse(stdout);
}

describe.runIf(possible.ok)(title, () => {
  const permission = 'packet sockets need CAP_NET_RAW in this network namespace';

  it('capturing is not possible, and the probe says why', async () => {
    await expect(withoutNetRaw('linux.canCapture()')).resolves.toEqual({ ok: false, reason: permission });
  });

  it('opening a packet socket is refused with what to do', async () => {
    const refused = { code: 'CAPTURE_NOT_PERMITTED', hint: expect.stringContaining('CAP_NET_RAW') };
    const options = '{ interfaceIndex: 1, blockCount: 2, blockTimeoutMs: 10 }';
    await expect(withoutNetRaw(`linux.PacketSocket.open(${options})`)).resolves.toEqual(refused);
    await expect(withoutNetRaw('linux.PacketSender.open({ interfaceIndex: 1 })')).resolves.toEqual(refused);
  });

  it('interfaces are listed all the same', async () => {
    await expect(withoutNetRaw('linux.interfaces()')).resolves.toContainEqual(expect.objectContaining({ name: 'lo' }));
  });
});

it.runIf(process.platform !== 'linux')('a platform that is not Linux is named', () => {
  expect(platform()).toEqual({ ok: false, reason: `capturing needs Linux, this is ${process.platform}` });
});
