import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { canMakeHosts, createHosts, type Hosts } from '@bpfleet/test-environment';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { platform } from '../platform.js';
import { bootId, bootTimeMs, bootTimeNs } from './boot.js';
import { optmemMax } from './optmem-max.js';

const BUILT = new URL('../../dist/index.js', import.meta.url).href;
const supported = platform();
const possible = await canMakeHosts();

describe.runIf(supported.ok)(supported.ok ? 'the time since boot' : `boot [skipped: ${supported.reason}]`, () => {
  const uptimeMs = () => Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;

  it('is that of /proc/uptime, only finer', () => {
    const before = uptimeMs();
    const ns = bootTimeNs();
    const ms = bootTimeMs();
    expect(Number(ns) / 1e6).toBeGreaterThanOrEqual(before);
    expect(ms).toBeGreaterThanOrEqual(Number(ns) / 1e6);
    // It is cut to hundredths of a second.
    expect(ms).toBeLessThan(uptimeMs() + 10);
  });

  it('never goes back, and is the same in another process', async () => {
    const before = bootTimeNs();
    const script = `console.log(String((await import(${JSON.stringify(BUILT)})).bootTimeNs()))`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect(BigInt(stdout)).toBeGreaterThan(before);
    expect(bootTimeNs()).toBeGreaterThan(BigInt(stdout));
  });

  it('belongs to a boot with a name', () => {
    expect(bootId()).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(bootId()).toBe(bootId());
  });
});

describe.runIf(possible.ok)(possible.ok ? 'optmem_max' : `optmem_max [skipped: ${possible.reason}]`, () => {
  let hosts: Hosts;
  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
  });
  afterAll(() => hosts?.remove());

  it('is that of the network namespace the thread is in', async () => {
    const here = optmemMax()!;
    expect(here).toBeGreaterThan(1000);
    const set = (bytes: number) =>
      hosts.exec(hosts.host(1), ['sh', '-c', `echo ${bytes} > /proc/sys/net/core/optmem_max`]);
    await set(54_321);
    // Kernels with one for all would show it here too.
    const isPerNamespace = optmemMax() === here;
    expect(hosts.inside(hosts.host(1), optmemMax)).toBe(54_321);
    if (!isPerNamespace) await set(here);
  });
});
