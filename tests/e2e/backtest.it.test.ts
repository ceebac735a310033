import { controlApi, packetMediaTypes, queryApi } from '@bpfleet/contract';
import { readCapture } from '@bpfleet/section';
import { createHosts, freePorts, type Hosts } from '@bpfleet/test-environment';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { suiteRequires } from '../environment/src/requirements.js';
import { arrive, type CapturePoint, hubEnds, strangers } from './capture-point.js';
import { hostsHere } from './requirements.js';
import { startStandalone, withFolder } from './standalone-process.js';
import { trafficMix } from './traffic-mix.js';

const FRAMES = 6_000;
const PACKETS_PER_SECOND = 3_000;
/** Of the mix alone, whatever else is on the cable. */
const OURS = 'ether src 02:77:00:00:00:01';

const candidates: Readonly<Record<string, string>> = {
  udp: `${OURS} and udp port 5300`,
  small: `${OURS} and udp and less 800`,
  'not-ip': `${OURS} and not ip and not ip6`,
  syn: `${OURS} and tcp[tcpflags] & tcp-syn != 0`,
  large: `${OURS} and greater 1000 and not icmp6`,
  six: `ip6 and ${OURS}`,
  // What the bytes do not say.
  incoming: `${OURS} and inbound and udp`,
};

const SNAPLEN_BYTES = 96;

/** On the wire. */
const bytesOf = (packets: readonly string[]): number =>
  packets.reduce((sum, packet) => sum + Number.parseInt(packet, 10), 0);

suiteRequires('a backtest', { hosts: await hostsHere() }, () => {
  let hosts: Hosts;
  let point: CapturePoint;
  let standalone: ReturnType<typeof startStandalone>;
  let finished: () => void;
  let folder: Promise<void>;

  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
    const [port] = await freePorts(1);
    folder = withFolder(async (dataDir) => {
      standalone = startStandalone({
        ...{ dataDir, port: port!, listen: hosts.rootAddress.replace(/1$/, '2'), args: ['--interface', 'h1'] },
        spawn: (argv, options) => hosts.spawn(hosts.hub, argv, options),
      });
      await new Promise<void>((resolve) => {
        finished = resolve;
      });
    });
    while (standalone === undefined) await new Promise(setImmediate);
    await standalone.until('the start', () => standalone.stdout.includes('bpfleet runs at'));
    [point] = hubEnds(hosts, 'standalone') as [CapturePoint];
  });
  afterAll(async () => {
    await standalone?.end();
    finished?.();
    await folder;
    await hosts?.remove();
  });

  /** A new filter, when it runs. @returns its first version */
  async function push(name: string, expression: string, snaplenBytes: number): Promise<string> {
    const { client } = standalone;
    await client.call(controlApi.createFilter, { body: { name, expression, snaplenBytes } });
    await client.call(controlApi.createAssignment, { body: { filter: name } });
    await standalone.until(`${name} to run`, async () => {
      const { items } = await client.call(controlApi.listAgents, { query: {} });
      const states = items[0]?.status?.filters.filter(({ filter }) => filter === name) ?? [];
      return states.some(({ state }) => state === 'attested');
    });
    return `${name}@1`;
  }

  /** The packets that a version has stored, or those of them that an expression matches: length and first bytes of each. */
  async function stored(query: { version: string; filter?: string }): Promise<string[]> {
    const headers = { accept: packetMediaTypes.pcapng };
    const answer = await standalone.client.send(queryApi.listPackets, { query, headers });
    const packets = [...readCapture(new Uint8Array(await answer.arrayBuffer()))];
    const texts = packets.map(
      ({ bytes, wireLength }) => `${wireLength} ${Buffer.from(bytes.subarray(0, SNAPLEN_BYTES)).toString('hex')}`,
    );
    return texts.sort((a, b) => (a < b ? -1 : 1));
  }
  const count = async (version: string): Promise<number> => (await stored({ version })).length;

  it('says of each filter exactly what the kernel then captures of the same traffic', {
    timeout: 120_000,
  }, async () => {
    const frames = trafficMix(strangers(point.host), FRAMES);
    const replay = () => arrive(hosts, point, frames, PACKETS_PER_SECOND);
    const all = await push('all', OURS, 262_144);
    await replay();
    await standalone.until('the history', async () => (await count(all)) === frames.length);

    const expected = new Map<string, string[]>();
    for (const [name, filter] of Object.entries(candidates)) {
      const answer = await standalone.client.call(queryApi.createBacktest, { body: { filter, against: all } });
      const { total, completeness, storedBy } = answer;
      expect(completeness).toMatchObject({ rangeScanned: true, packetsUndecided: 0, droppedByKernel: 0 });
      expect(storedBy.find(({ version }) => version === all)?.packets).toBe(frames.length);
      expect(total.gained?.packets).toBe(0);
      expect(total.notStoredByVersion?.packets).toBe(0);
      expect(total.lost!.packets + total.matched.packets).toBe(frames.length);
      expect(total.matched.packets).toBeGreaterThan(0);
      const matched = await stored({ version: all, filter });
      expect(matched).toHaveLength(total.matched.packets);
      expect(bytesOf(matched)).toBe(total.matched.bytes);
      expected.set(name, matched);
    }

    const versions = new Map<string, string>();
    for (const [name, expression] of Object.entries(candidates)) {
      versions.set(name, await push(name, expression, SNAPLEN_BYTES));
    }
    await replay();
    await standalone.until('the replay', async () => (await count(all)) === 2 * frames.length);
    for (const [name, version] of versions) expect(await stored({ version }), name).toEqual(expected.get(name));

    // A version loses and gains nothing by its own expression: what came before it is counted apart.
    const against = versions.get('udp')!;
    const compare = async (filter: string) => {
      const { total } = await standalone.client.call(queryApi.createBacktest, { body: { filter, against } });
      const { gained, lost, notStoredByVersion } = total;
      return { stored: total.against?.packets, gained: gained?.packets, lost: lost?.packets, notStoredByVersion };
    };
    const udp = expected.get('udp')!.length;
    const itself = { stored: udp, gained: 0, lost: 0, notStoredByVersion: { packets: udp } };
    expect(await compare(candidates.udp!)).toMatchObject(itself);
    const wider = { ...itself, gained: 2 * (frames.length - udp) };
    expect(await compare(OURS)).toMatchObject(wider);
  });
});
