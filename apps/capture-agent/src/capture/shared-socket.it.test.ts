import { toEbpfTuples } from '@bpfleet/bpf';
import { toBase64 } from '@bpfleet/contract';
import { interfaces, PacketSender } from '@bpfleet/linux';
import { compileEbpf } from '@bpfleet/pcap-filter';
import { forEachPacket, readSection } from '@bpfleet/section';
import {
  addCables,
  cableNames,
  canMakeHosts,
  createHosts,
  type Host,
  type Hosts,
  otherEnd,
  removeCables,
} from '@bpfleet/test-environment';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CaptureRig } from '../testing/capture-rig.js';
import { numberAt, numberedFrame } from '../testing/numbered-packets.js';
import type { TestFilter } from '../testing/signing-service.js';

const possible = await canMakeHosts();
const title = possible.ok ? 'a socket of seventy interfaces' : `a shared socket [skipped: ${possible.reason}]`;
const PAIRS = 70;
const [WEB, DNS] = [8001, 53];

const web: TestFilter = { filter: 'web', version: 1, expression: `udp dst port ${WEB}`, interfaces: ['e*', '!eth0'] };
const dns: TestFilter = { filter: 'dns', version: 1, expression: `udp dst port ${DNS}`, interfaces: ['e1*'] };
/** So many addresses are a map: among them that of the numbered packets. */
const addresses = [
  '198.18.0.1',
  ...Array.from({ length: 1000 }, (_, index) => `10.${index >> 6}.0.${2 * (index & 63)}`),
];
const { filter: compiled } = compileEbpf('udp dst port 99 and ip src host in {@list}', {
  ...{ live: true, names: { sets: { list: addresses } } },
});
const listed: TestFilter = {
  ...{ filter: 'listed', version: 1, expression: 'udp dst port 99 and ip src host in {@list}', interfaces: ['e1*'] },
  programs: [
    {
      ...{ linkType: 'EN10MB', form: 'live', target: 'ebpf', selfTest: [] },
      instructions: toEbpfTuples(compiled.program),
      maps: compiled.maps.map((map) => ({ ...map, keys: toBase64(map.keys) })),
    },
  ],
};
/** `e1` and `e10` to `e19`. */
const hasDns = (name: string): boolean => name.startsWith('e1');

describe.runIf(possible.ok)(title, () => {
  let hosts: Hosts;
  let host: Host;
  let rig: CaptureRig;
  const wires = new Map<string, PacketSender>();
  let sent = 0;

  const wireTo = (name: string): PacketSender => {
    const known = wires.get(name);
    if (known) return known;
    const open = () =>
      PacketSender.open({ interfaceIndex: interfaces().find((device) => device.name === otherEnd(name))!.index });
    const wire = hosts.inside(host, open);
    wires.set(name, wire);
    return wire;
  };
  /** To an interface, from the other end of its cable. @returns the packet's number */
  const send = (name: string, port: number): number => {
    expect(wireTo(name).send([numberedFrame(++sent, 9, port)])).toBe(1);
    return sent;
  };
  const names = cableNames(PAIRS);

  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
    host = hosts.host(1);
    await addCables(hosts, host, names);
  });
  afterAll(() => hosts?.remove());
  beforeEach(async () => {
    rig = new CaptureRig(host.namespacePath);
    await rig.start();
  });
  afterEach(async () => {
    for (const wire of wires.values()) wire.close();
    wires.clear();
    await rig.stop();
  });

  const desire = (...filters: readonly TestFilter[]) => rig.desire(rig.service.desire(filters));
  const states = async () => {
    const { outcomes } = await rig.opener.attest();
    return outcomes.map(({ filter, version, interface: on, state, reason }) => ({
      ...{ what: `${filter}@${version}`, on, state, reason },
    }));
  };
  /** Of each stored packet: `e7 web@1`; a packet that is stored twice is there twice. */
  async function stored(): Promise<Map<number, string[]>> {
    const found = new Map<number, string[]>();
    for (const { bytes } of await rig.read()) {
      const { interfaces: blocks } = readSection(bytes);
      forEachPacket(bytes, ({ interfaceId, start }) => {
        const { name, description } = blocks[interfaceId]!;
        const number = numberAt(bytes, start);
        found.set(number, [...(found.get(number) ?? []), `${name} ${description}`]);
        return true;
      });
    }
    return found;
  }
  async function untilStored(expected: ReadonlyMap<number, readonly string[]>): Promise<void> {
    await rig.until('packets to be stored', async () => {
      const found = await stored();
      return [...expected].every(([number, where]) => where.length === 0 || found.has(number));
    });
    expect(await stored()).toEqual(new Map([...expected].filter(([, where]) => where.length > 0)));
  }

  it('stores the packets of each interface under its name, with the filters that run there', async () => {
    await desire(web, dns);
    expect(rig.events.filter(({ kind }) => kind === 'socket')).toHaveLength(1);
    const found = await states();
    expect(found.filter(({ what }) => what === 'dns@1').map(({ on }) => on)).toEqual(names.filter(hasDns));
    expect(found).toHaveLength(PAIRS + names.filter(hasDns).length);
    expect(new Set(found.filter(({ what }) => what === 'web@1').map(({ on }) => on))).toEqual(new Set(names));
    expect(new Set(found.map(({ state, reason }) => `${state} ${reason}`))).toEqual(
      new Set(['attested shared socket']),
    );
    const expected = new Map<number, readonly string[]>();
    for (const name of names) {
      expected.set(send(name, WEB), [`${name} web@1`]);
      expected.set(send(name, DNS), hasDns(name) ? [`${name} dns@1`] : []);
      expected.set(send(name, 7), []);
    }
    await untilStored(expected);
  });

  it('is one for all interfaces of a filter that has maps, too', async () => {
    await desire(web, listed);
    expect(rig.events.filter(({ kind }) => kind === 'socket')).toHaveLength(2);
    const found = (await states()).filter((one) => one.what === 'listed@1');
    expect(found.map(({ on }) => on)).toHaveLength(names.filter(hasDns).length);
    expect(new Set(found.map(({ state, reason }) => `${state}: ${reason}`))).toEqual(
      new Set(['attested (loaded): own socket, shared socket']),
    );
    const expected = new Map<number, readonly string[]>();
    for (const name of names) {
      expected.set(send(name, WEB), [`${name} web@1`]);
      expected.set(send(name, 99), hasDns(name) ? [`${name} listed@1`] : []);
      expected.set(send(name, 7), []);
    }
    await untilStored(expected);
  });

  it('goes over to another version of one filter by a cut, on its interfaces alone', async () => {
    await desire(web, dns);
    await desire(web, { ...dns, version: 2, expression: `udp dst port ${DNS} or udp dst port 54` });
    const pending = (await states()).filter(({ state }) => state === 'pending');
    expect(new Set(pending.map(({ on }) => on))).toEqual(new Set(names.filter(hasDns)));
    await rig.settled();
    expect(rig.events.map(({ kind }) => kind)).toEqual(['socket', 'swap', 'changed']);
    const expected = new Map<number, readonly string[]>();
    for (const name of names) {
      expected.set(send(name, WEB), [`${name} web@1`]);
      expected.set(send(name, 54), hasDns(name) ? [`${name} dns@2`] : []);
    }
    await untilStored(expected);
  });

  it('takes up an interface that comes, and forgets one that goes', async () => {
    await desire(web);
    await addCables(hosts, host, ['e99']);
    try {
      const on = async () => (await states()).filter(({ state }) => state === 'attested').map((one) => one.on);
      await rig.until('the new interface', async () => (await on()).includes('e99'));
      await untilStored(
        new Map([
          [send('e99', WEB), ['e99 web@1']],
          [send('e5', WEB), ['e5 web@1']],
        ]),
      );
    } finally {
      wires.get('e99')?.close();
      wires.delete('e99');
      removeCables(host, ['e99']);
    }
    await rig.until('it to be gone', async () => !(await states()).some(({ on: name }) => name === 'e99'));
    const before = sent;
    expect([...(await stored())].map(([number]) => number)).toEqual([before - 1, before]);
    expect(rig.events.filter(({ kind }) => kind === 'socket')).toHaveLength(1);
  });
});
