import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { type Requirement, suiteRequires } from '../environment/src/requirements.js';

const UNIT = fileURLToPath(new URL('../../systemd/bpfleet-agent.service', import.meta.url));
const run = promisify(execFile);

/** Offline, since 250: it reads the unit's file and asks no manager. */
async function systemdAnalyze(): Promise<Requirement> {
  try {
    const { stdout } = await run('systemd-analyze', ['--version']);
    const version = Number(/^systemd (\d+)/.exec(stdout)?.[1]);
    return version >= 250 ? {} : { unavailable: `systemd-analyze ${version} reads no units offline (250 does)` };
  } catch {
    return { unavailable: 'no systemd-analyze (Debian: apt-get install systemd)' };
  }
}

suiteRequires('the unit of the agent', { systemd: await systemdAnalyze() }, () => {
  it('is exposed by 2.5 of 10 at most, as systemd counts', async () => {
    const { stdout } = await run('systemd-analyze', ['security', '--offline=true', '--no-pager', UNIT]);
    expect(Number(/Overall exposure level .*: ([\d.]+)/.exec(stdout)?.[1])).toBeLessThanOrEqual(2.5);
  });

  it('has nothing that systemd does not know', async () => {
    const { stderr } = await run('systemd-analyze', ['security', '--offline=true', '--no-pager', UNIT]);
    expect(stderr).toBe('');
  });
});
