import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { confinement } from '@bpfleet/linux';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { suiteRequires } from '../../../tests/environment/src/requirements.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const RECORDING = fileURLToPath(new URL('../../../tests/fixtures/first-five-minutes.pcap', import.meta.url));
const needs = {
  root: process.getuid?.() === 0 && confinement().capabilities !== 0n ? {} : { unavailable: 'not root' },
  setpriv: spawnSync('setpriv', ['--version']).status === 0 ? {} : { unavailable: 'no setpriv' },
  built: existsSync(MAIN) ? {} : { unavailable: 'apps/capture-agent is not built' },
};

suiteRequires('a replay that root starts', needs, () => {
  let folder: string;
  let child: ChildProcess;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-replay-'));
    chmodSync(folder, 0o755);
    copyFileSync(RECORDING, join(folder, 'some.pcap'));
  });
  afterEach(async () => {
    const exited = once(child, 'exit');
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await exited;
    rmSync(folder, { recursive: true });
  });

  /** As it is once it has done something with its state folder. @returns its `status` in /proc */
  async function started(state: string): Promise<string> {
    const env = {
      ...process.env,
      ...{ BPFLEET_AGENT_PCAP: join(folder, 'some.pcap'), BPFLEET_AGENT_STATE_DIR: state, BPFLEET_PORT: '0' },
      // Nobody listens there.
      ...{ BPFLEET_SERVER: 'http://127.0.0.1:1', BPFLEET_KAFKA_BROKERS: '127.0.0.1:1', BPFLEET_AGENT_ID: 'replay' },
    };
    child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (bytes) => (said += bytes));
    const hasBegun = () => existsSync(join(state, 'opener/identity.json')) || `${child.exitCode} ${said}`;
    await expect.poll(hasBegun, { interval: 10, timeout: 60_000 }).toBe(true);
    return readFileSync(`/proc/${child.pid}/status`, 'utf8');
  }
  const nothing = /CapInh:\s+0+\nCapPrm:\s+0+\nCapEff:\s+0+\nCapBnd:\s+0+\nCapAmb:\s+0+\nNoNewPrivs:\s+1\n/;

  it('has no capability, none to be had, and works in a state folder of its own', async () => {
    expect(await started(join(folder, 'state'))).toMatch(nothing);
  });

  const mayNobodyRead = (path: string): boolean =>
    spawnSync('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', 'test', '-r', path]).status === 0;
  const isReadable = [MAIN, tmpdir()].every(mayNobodyRead);
  const unread = isReadable ? '' : ' [skipped: nobody may not read this tree]';
  it.runIf(isReadable)(`is the agent’s user where the state folder is that one’s${unread}`, async () => {
    const state = join(folder, 'state');
    mkdirSync(state);
    chownSync(state, 65_534, 65_534);
    const status = await started(state);
    expect(status).toMatch(nothing);
    expect(status).toMatch(/^Uid:(\s+65534){4}$/m);
  });
});
