import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canUseCap, enterNetworkNamespace, type Probe } from '@bpfleet/linux';
import { canMakeHosts, createHosts, type Hosts } from '@bpfleet/test-environment';
import { type Requirement, suiteRequires } from '@bpfleet/test-environment/requirements';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { InterfaceMembers } from '../../border/opener-port.js';
import { CapSource } from './cap-source.js';

const need = (found: Probe): Requirement => (found.ok ? {} : { unavailable: found.reason });

suiteRequires('CapSource', { hosts: need(await canMakeHosts()), cap: need(canUseCap()) }, () => {
  let hosts: Hosts;
  let index: number;
  let leave: () => void;
  let folder: string;
  let source: CapSource;
  const failures: unknown[] = [];
  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
    index = hosts.interfaceIndex(hosts.host(1));
  });
  afterAll(() => hosts.remove());
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-cap-'));
    leave = enterNetworkNamespace(hosts.host(1).namespacePath);
    source = new CapSource(4 * 1024 * 1024);
    await source.start(
      {
        ...{ agent: 'a', epoch: 1, spoolFolder: folder, firstSegment: 0, boot: 1, bootTimeOriginMs: 0 },
        ...{ ledgerBefore: {}, hardware: 'test', operatingSystem: 'test', application: 'test' },
      },
      { spooled: () => {}, refused: () => {}, stepped: () => {}, fatal: (error) => failures.push(error) },
    );
  });
  afterEach(async () => {
    await source.stop();
    leave();
    rmSync(folder, { recursive: true });
    expect(failures).toEqual([]);
  });

  const on = (name: string, linkType = 'EN10MB'): InterfaceMembers => ({
    interface: { name, index, linkType, cooked: false },
    members: [],
  });
  const read = (...members: readonly InterfaceMembers[]) => source.follow({ kind: 'members', members });
  const link = (state: string) => execFileSync('ip', ['link', 'set', 'eth0', state]);
  async function until(what: string, holds: () => boolean): Promise<void> {
    const deadline = performance.now() + 20_000;
    while (!holds()) {
      if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  const untilReading = () => until('eth0 to be read', () => source.reads.includes('eth0'));

  it('says which interface cannot be read and why, and reads the others', async () => {
    read(on('nosuch'), on('eth0'));
    await untilReading();
    await until('a reason', () => source.troubles.length > 0);
    expect(source.troubles).toEqual(['cap cannot read nosuch: No such device exists']);
    read(on('eth0'));
    expect(source.troubles).toEqual([]);
  });

  it('reads no packets of another link type than filters expect', async () => {
    read(on('eth0', 'RAW'));
    await until('a reason', () => source.troubles.length > 0);
    expect(source.troubles).toEqual([
      'cap cannot read eth0: libpcap calls its packets ETHERNET, and filters expect RAW',
    ]);
    expect(source.reads).toEqual([]);
  });

  it('tries an interface that was down again, without being told that it is back', async () => {
    read(on('eth0'));
    await untilReading();
    link('down');
    try {
      await until('a reason', () => source.troubles.some((one) => one.startsWith('cap cannot read eth0: ')));
      expect(source.reads).toEqual([]);
    } finally {
      link('up');
    }
    await untilReading();
    expect(source.troubles).toEqual([expect.stringMatching(/^cap ended \d+ times, .*SIGABRT: .*Assertion/)]);
  });

  it('starts another process when the one that reads is killed', async () => {
    read(on('eth0'));
    await untilReading();
    const pid = source.readerPid!;
    process.kill(pid, 'SIGKILL');
    await until('nothing to be read', () => source.reads.length === 0);
    await untilReading();
    expect(source.readerPid).not.toBe(pid);
    expect(source.troubles).toEqual([expect.stringContaining('cap ended 1 times')]);
  });

  it('leaves no process behind, and lets none be stopped by what is meant for its own', async () => {
    read(on('eth0'));
    await untilReading();
    const pid = source.readerPid!;
    for (const signal of ['SIGINT', 'SIGTERM']) process.kill(pid, signal);
    await source.stop();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});
