import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { canCapture } from './platform.js';

const possible = canCapture();
const title = possible.ok ? 'without CAP_NET_RAW' : `without CAP_NET_RAW [skipped: ${possible.reason}]`;

/** Evaluated on the library's source, in a process that root's exec left without the capability. */
const expressions = {
  canCapture: 'linux.canCapture()',
  interfaces: 'linux.interfaces()',
  socket: 'linux.PacketSocket.open({ interfaceIndex: 1, blockCount: 2, blockTimeoutMs: 10 })',
  sender: 'linux.PacketSender.open({ interfaceIndex: 1 })',
};
type Results = Readonly<Record<keyof typeof expressions, unknown>>;

async function withoutNetRaw(): Promise<Results> {
  const index = fileURLToPath(new URL('./index.ts', import.meta.url));
  const results = Object.entries(expressions).map(([name, expression]) => `${name}: tried(() => ${expression})`);
  const script = `
    import { runnerImport } from 'vite';
    const ssr = { resolve: { conditions: ['@bpfleet/source', 'node'] } };
    const { module: linux } = await runnerImport(${JSON.stringify(index)}, { configFile: false, logLevel: 'error', ssr });
    const tried = (action) => { try { return action(); } catch ({ code, hint }) { return { code, hint }; } };
    console.log(JSON.stringify({ ${results.join(', ')} }));`;
  const node = [process.execPath, '--input-type=module', '-e', script];
  const { stdout } = await promisify(execFile)('setpriv', ['--bounding-set=-net_raw', ...node]);
  return JSON.parse(stdout) as Results;
}

describe.runIf(possible.ok)(title, () => {
  let results: Results;
  beforeAll(async () => {
    results = await withoutNetRaw();
  });

  it('capturing is not possible, and the probe says why', () => {
    const reason = 'packet sockets need CAP_NET_RAW in this network namespace';
    expect(results.canCapture).toEqual({ ok: false, reason });
  });

  it('opening a packet socket is refused with what to do', () => {
    const refused = { code: 'CAPTURE_NOT_PERMITTED', hint: expect.stringContaining('CAP_NET_RAW') };
    expect(results).toMatchObject({ socket: refused, sender: refused });
  });

  it('interfaces are listed all the same', () => {
    expect(results.interfaces).toContainEqual(expect.objectContaining({ name: 'lo' }));
  });
});
