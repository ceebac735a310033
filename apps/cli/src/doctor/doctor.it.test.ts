import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Finding } from '@bpfleet/contract/doctor';
import { canCapture } from '@bpfleet/linux';
import { afterEach, describe, expect, it } from 'vitest';
import { runCommand } from '../fakes/fake-terminal.js';
import { agentFindings } from './agent-findings.js';
import { capCheck } from './cap-check.js';
import { folderCheck } from './folder-checks.js';
import { descriptors, kernelChecks } from './kernel-checks.js';

describe('doctor', () => {
  const servers: Server[] = [];
  afterEach(() => Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve)))));
  async function listening(server: Server): Promise<number> {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }
  async function closedPort(): Promise<number> {
    const port = await listening(createServer());
    await new Promise((resolve) => servers.pop()!.close(resolve));
    return port;
  }

  it.runIf(canCapture().ok)('tries what this kernel can do', () => {
    const states = Object.fromEntries(kernelChecks().map(({ name, state }) => [name, state]));
    expect(states).toMatchObject({ platform: 'ok', 'packet socket': 'ok', ring: 'ok' });
  });

  it('says that few descriptors may not be enough', () => {
    const limits = (soft: string) =>
      `Max processes   95 95\nMax open files            ${soft}      ${soft}      files\n`;
    expect(descriptors(limits('256'))).toMatchObject({ state: 'warning', detail: expect.stringContaining('256') });
    for (const enough of ['1024', 'unlimited']) expect(descriptors(limits(enough))).toMatchObject({ state: 'ok' });
  });

  it.each([
    ['is built, and not used', true, {}, 'ok', undefined],
    ['is not there, and not used', false, {}, 'ok', undefined],
    ['is not there, and wanted', false, { BPFLEET_AGENT_SOURCE: 'cap' }, 'no', /npm run build:cap/],
    ['is wanted, and not allowed', true, { BPFLEET_AGENT_SOURCE: 'cap' }, 'no', /BPFLEET_AGENT_ALLOW_CAP=true/],
    [
      ...(['is used', true, { BPFLEET_AGENT_SOURCE: 'cap', BPFLEET_AGENT_ALLOW_CAP: 'true' }, 'warning'] as const),
      /never attested/,
    ],
  ] as const)('says what to do where cap %s', (_, isBuilt, env, state, advice) => {
    const found = capCheck(isBuilt ? { ok: true } : { ok: false, reason: 'the package cap is not built' }, env);
    expect(found.state).toBe(state);
    if (advice === undefined) expect(found.advice).toBeUndefined();
    else expect(found.advice).toMatch(advice);
  });

  it('finds each mistake of the configuration, and looks at all else as if it was not there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bpfleet-doctor-'));
    const broker = await closedPort();
    const wrong = {
      BPFLEET_AGENT_SPOOL_BYTES: 'abc',
      BPFLEET_AGENT_RING_BYTES: '1',
      BPFLEET_AGENT_SOURCE: 'wrong',
      BPFLEET_AGENT_IDD: 'host-1',
    };
    const env = {
      ...wrong,
      BPFLEET_AGENT_STATE_DIR: folder,
      BPFLEET_AGENT_INTERFACES: 'lo,nosuch',
      BPFLEET_KAFKA_BROKERS: `127.0.0.1:${broker}`,
      BPFLEET_SERVER: `http://127.0.0.1:${broker}`,
    };
    const { out, code } = await runCommand(['agent', 'doctor', '-o', 'json'], { env });
    const { findings } = JSON.parse(out) as { findings: Finding[] };
    expect(code).toBe(1);
    for (const name of Object.keys(wrong))
      expect(findings.find((one) => one.name === name)).toMatchObject({ state: 'no', advice: expect.any(String) });
    const found = (part: Partial<Finding>) => expect(findings).toContainEqual(expect.objectContaining(part));
    found({ name: 'interfaces', state: 'warning', detail: expect.stringContaining('no interface nosuch now') });
    found({ name: `broker 127.0.0.1:${broker}`, state: 'no', advice: expect.stringContaining('spool') });
    found({ name: 'seccomp', state: 'ok', detail: 'a filter was installed, and holds' });
    for (const name of ['setpriv', 'unshare', 'agent process', 'spool', 'own traffic']) found({ name });
    expect(findings.filter(({ state, advice }) => state !== 'ok' && !advice)).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  it('finds a capture file that is none, and an address that this host has not', async () => {
    const env = { ...process.env, BPFLEET_AGENT_PCAP: '/nonexist', BPFLEET_LISTEN: '999.1.1.1' };
    const { findings } = await agentFindings(env);
    for (const name of ['BPFLEET_AGENT_PCAP', 'BPFLEET_LISTEN'])
      expect(findings).toContainEqual(expect.objectContaining({ name, state: 'no', advice: expect.any(String) }));
  });

  it('finds an identity that the agent would refuse to start with', async () => {
    const state = mkdtempSync(join(tmpdir(), 'bpfleet-doctor-'));
    mkdirSync(join(state, 'opener'));
    writeFileSync(join(state, 'opener', 'identity.json'), '{}');
    const { findings } = await agentFindings({ ...process.env, BPFLEET_AGENT_STATE_DIR: state });
    const detail = expect.stringContaining('identity.json is damaged');
    const found = { name: 'identity', state: 'no', detail, advice: expect.stringContaining('restore it') };
    expect(findings).toContainEqual(expect.objectContaining(found));
    rmSync(state, { recursive: true });
  });

  it('says what to do where the agent cannot be asked', async () => {
    expect(await agentFindings({}, '/nowhere/doctor-main.js')).toMatchObject({
      findings: [{ state: 'no', advice: 'npm run build' }],
      settings: undefined,
    });
  });

  it('does not wait for what the agent still waits for once it has answered', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bpfleet-doctor-'));
    const doctor = join(folder, 'doctor.mjs');
    const answer = { findings: [], settings: { stateDir: '', spoolDir: '', spoolBytes: 1 } };
    writeFileSync(doctor, `process.stdout.write('${JSON.stringify(answer)}\\n'); setInterval(() => {}, 1000);`);
    expect(await agentFindings(process.env, doctor)).toEqual(answer);
    rmSync(folder, { recursive: true });
  });

  it.runIf(process.getuid?.() === 0)('tries a folder as the user that will write there', () => {
    // Everybody may pass to there, whatever this run's own folder for temporary files is below of.
    const closed = mkdtempSync('/var/tmp/bpfleet-doctor-');
    const nobody = { uid: 65_534, gid: 65_534 };
    for (const spool of [join(closed, 'spool'), join(closed, 'missing', 'spool')]) {
      chmodSync(closed, 0o700);
      expect(folderCheck('spool', spool, 1)).toMatchObject({ state: 'ok' });
      const refused = {
        state: 'no',
        detail: expect.stringContaining('65534'),
        advice: expect.stringContaining(closed),
      };
      expect(folderCheck('spool', spool, 1, nobody)).toMatchObject(refused);
      chmodSync(closed, 0o711);
      expect(folderCheck('spool', spool, 1, nobody)).toMatchObject({ state: 'ok' });
    }
    // Its own is given to it; only those above have to let it pass.
    chmodSync(closed, 0o700);
    expect(folderCheck('spool', closed, 1, nobody)).toMatchObject({ state: 'ok' });
    rmSync(closed, { recursive: true });
  });

  // As containers and units have it: no CAP_DAC_OVERRIDE, no CAP_CHOWN.
  it.runIf(process.getuid?.() === 0)('says of a folder what an opener with few capabilities can do with it', () => {
    const entry = new URL('../../dist/doctor/folder-checks.js', import.meta.url).href;
    const script = `const { folderCheck } = await import(process.argv[1]);
      console.log(folderCheck('spool', process.argv[2], 1, { uid: 65534, gid: 65534 }).state);`;
    const few = ['--bounding-set=-all,+net_raw,+setuid,+setgid', '--inh-caps=-all'];
    const stateOf = (folder: string): string => {
      const argv = [...few, process.execPath, '--input-type=module', '-e', script, entry, folder];
      return spawnSync('setpriv', argv, { encoding: 'utf8' }).stdout.trim();
    };
    const folder = mkdtempSync('/var/tmp/bpfleet-doctor-');
    chmodSync(folder, 0o755);
    const [own, roots] = [join(folder, 'own'), join(folder, 'roots')];
    for (const made of [own, roots]) mkdirSync(made, { mode: 0o700 });
    chownSync(own, 65_534, 65_534);
    expect([own, roots].map(stateOf)).toEqual(['ok', 'no']);
    rmSync(folder, { recursive: true });
  });

  it('looks at the folder above where there is none yet, and at its space', () => {
    const folder = mkdtempSync(join(tmpdir(), 'bpfleet-doctor-'));
    expect(folderCheck('spool', join(folder, 'a', 'b'), 1)).toMatchObject({ state: 'ok' });
    expect(folderCheck('spool', folder, 2 ** 60)).toMatchObject({ state: 'warning' });
    expect(folderCheck('spool', '/proc/nowhere', 1)).toMatchObject({ state: 'no' });
    rmSync(folder, { recursive: true });
  });
});
