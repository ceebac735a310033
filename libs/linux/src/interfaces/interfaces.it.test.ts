import { readdirSync, readFileSync } from 'node:fs';
import { canMakeHosts, createHosts, type Hosts } from '@bpfleet/test-environment';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { platform } from '../platform.js';
import { interfaces } from './interfaces.js';

const supported = platform();
const possible = await canMakeHosts();

describe.runIf(supported.ok)(supported.ok ? 'interfaces' : `interfaces [skipped: ${supported.reason}]`, () => {
  it('are those of /sys/class/net where that shows our own namespace', () => {
    // Interfaces come and go on a busy machine; those this test is about stay.
    const lo = interfaces().find(({ name }) => name === 'lo');
    const read = (file: string) => Number(readFileSync(`/sys/class/net/lo/${file}`, 'utf8'));
    expect(lo).toMatchObject({ index: read('ifindex'), arphrd: read('type'), mtu: read('mtu'), isLoopback: true });
    expect(readdirSync('/sys/class/net')).toContain('lo');
  });

  it('come by index', () => {
    const indexes = interfaces().map(({ index }) => index);
    expect(indexes).toEqual(indexes.toSorted((a, b) => a - b));
  });
});

describe.runIf(possible.ok)(possible.ok ? 'on a host' : `on a host [skipped: ${possible.reason}]`, () => {
  let hosts: Hosts;
  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
  });
  afterAll(() => hosts?.remove());

  it('interfaces are those of its namespace, with kind and state', async () => {
    const host = hosts.host(1);
    await hosts.exec(host, ['ip', 'link', 'add', 'pair0', 'mtu', '9000', 'type', 'veth', 'peer', 'name', 'pair1']);
    await hosts.exec(host, ['ip', 'tuntap', 'add', 'tun7', 'mode', 'tun']);
    expect(hosts.inside(host, interfaces)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: 'lo', linkType: 'EN10MB', isLoopback: true, up: true }),
        expect.objectContaining({ name: 'eth0', linkType: 'EN10MB', isLoopback: false, up: true, mtu: 1500 }),
        expect.objectContaining({ name: 'pair0', up: false, mtu: 9000 }),
        expect.objectContaining({ name: 'tun7', hardware: 'NONE', linkType: 'RAW', up: false }),
      ]),
    );
  });

  it('more than one answer of the kernel holds are all there', async () => {
    const host = hosts.host(1);
    const pairs = Array.from({ length: 40 }, (_, i) => `link add many${i} type veth peer name peer${i}`);
    await hosts.exec(host, ['sh', '-c', `printf '%s\\n' "$1" | ip -batch -`, 'sh', pairs.join('\n')]);
    const names = hosts.inside(host, interfaces).map(({ name }) => name);
    for (let i = 0; i < 40; i++) expect(names).toEqual(expect.arrayContaining([`many${i}`, `peer${i}`]));
    expect(new Set(names).size).toBe(names.length);
  });

  it('this thread is back in its own namespace afterwards, also after an error', () => {
    const before = interfaces();
    const fail = () => {
      throw new Error('inside');
    };
    expect(() => hosts.inside(hosts.host(1), fail)).toThrow('inside');
    expect(interfaces().map(({ name }) => name)).toEqual(expect.arrayContaining(before.map(({ name }) => name)));
  });
});
