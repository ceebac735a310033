import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type ApiClient, controlApi, type NewFilter, packetMediaTypes, queryApi } from '@bpfleet/contract';
import { type CapturedPacket, readCapture } from '@bpfleet/section';
import type { Hosts } from '@bpfleet/test-environment';
import { expect } from 'vitest';
import { arrive, type CapturePoint, strangers, untilRuns } from './capture-point.js';
import { compareCaptures } from './same-packets.js';
import { TcpdumpBeside } from './tcpdump-beside.js';
import { trafficMix } from './traffic-mix.js';

const run = promisify(execFile);

export interface Deployment {
  readonly hosts: Hosts;
  readonly control: ApiClient;
  readonly query: ApiClient;
  readonly points: readonly CapturePoint[];
  until(what: string, holds: () => Promise<boolean>, timeoutMs?: number): Promise<void>;
}

/** A filter, and what tcpdump is told to get the same packets. */
export interface Pushed {
  readonly filter: Pick<NewFilter, 'name' | 'expression' | 'snaplenBytes'> & { readonly interfaces?: string[] };
  /** With what our agents leave out by themselves: bpfleet's own connections. */
  readonly tcpdump: string;
}

/** Makes a filter, or its next version, puts it on every agent and waits until it runs at every point. */
export async function push(deployment: Deployment, { filter }: Pushed): Promise<string> {
  const { control, points } = deployment;
  const { name, ...version } = filter;
  const { items } = await control.call(controlApi.listFilters, { query: {} });
  const pushed = items.some((one) => one.name === name)
    ? await control.call(controlApi.createFilterVersion, { path: { name }, body: version })
    : (await control.call(controlApi.createFilter, { body: filter })).latest;
  await control.call(controlApi.createAssignment, { body: { filter: name } });
  const label = `${name}@${pushed.version}`;
  await untilRuns(control, points, label, deployment.until);
  return label;
}

export interface Seen {
  readonly version: string;
  readonly point: CapturePoint;
  readonly stored: readonly CapturedPacket[];
  readonly tcpdump: readonly CapturedPacket[];
}

/**
 * Sends the mix to every point while a tcpdump stands beside each (point, filter), and waits until as many packets are
 * stored as tcpdump wrote.
 */
export async function capture(
  deployment: Deployment,
  pushed: readonly (Pushed & { readonly version: string })[],
  load: { readonly framesPerPoint: number; readonly packetsPerSecond: number; readonly traffic?: () => Promise<void> },
): Promise<Seen[]> {
  const { hosts, points } = deployment;
  const pairs = points.flatMap((point) => pushed.map((one) => ({ point, one })));
  const beside = await Promise.all(
    pairs.map(({ point, one }) => {
      const { snaplenBytes: snaplen } = one.filter;
      return TcpdumpBeside.start(hosts, point.place, { device: point.device, snaplen, filter: one.tcpdump });
    }),
  );
  for (const point of points) {
    await arrive(hosts, point, trafficMix(strangers(point.host), load.framesPerPoint), load.packetsPerSecond);
  }
  await load.traffic?.();
  const seen: Seen[] = [];
  for (const [index, { point, one }] of pairs.entries()) {
    const { stored, tcpdump } = await settled(deployment, beside[index]!, point, one.version);
    // A packet that several filters match is stored once, with the longest of their snaplens.
    const { snaplenBytes } = one.filter;
    const cut = stored.map((packet) => ({ ...packet, bytes: packet.bytes.subarray(0, snaplenBytes) }));
    seen.push({ version: one.version, point, stored: cut, tcpdump });
  }
  return seen;
}

/**
 * Waits until as much is stored as tcpdump wrote, or for a while: the comparison then says what is missing. What passed
 * before tcpdump listened, or after the waiting, is in neither list.
 */
async function settled(
  deployment: Deployment,
  beside: TcpdumpBeside,
  point: CapturePoint,
  version: string,
): Promise<{ stored: CapturedPacket[]; tcpdump: CapturedPacket[] }> {
  const endNs = BigInt(Date.now()) * 1_000_000n;
  const inTime = ({ atNs }: CapturedPacket): boolean => atNs >= beside.listeningSinceNs && atNs < endNs;
  let stored: CapturedPacket[] = [];
  await deployment
    .until(
      `${version} of ${point.agent} to be stored`,
      async () => {
        const { packets } = await exported(deployment.query, { agent: point.agent, version });
        stored = packets.filter((packet) => isFrom(packet, point) && inTime(packet));
        // Equal: either may be behind, tcpdump up to a second (it reads a ring, too).
        return stored.length === (await beside.packets()).filter(inTime).length;
      },
      20_000,
    )
    .catch(() => undefined);
  return { stored, tcpdump: (await beside.stop()).filter(inTime) };
}

const isFrom = (packet: CapturedPacket, point: CapturePoint): boolean =>
  packet.interfaceName?.split(/[ /:]/).includes(point.device) ?? false;

/** What `GET /packets` exports as pcapng, read back. */
export async function exported(
  client: ApiClient,
  query: { filter?: string; since?: string; agent?: string; version?: string },
): Promise<{ file: Uint8Array; packets: CapturedPacket[] }> {
  const response = await client.send(queryApi.listPackets, { query, headers: { accept: packetMediaTypes.pcapng } });
  const file = new Uint8Array(await response.arrayBuffer());
  return { file, packets: [...readCapture(file)] };
}

/** Each captured packet was stored, none twice, none other; bytes, lengths and times are those of tcpdump. */
export function expectSame({ stored, tcpdump, version, point }: Seen): void {
  const where = `${version} on ${point.device} of ${point.agent}`;
  expect({ where, ...compareCaptures(stored, tcpdump) }).toEqual({
    where,
    onlyStored: 0,
    onlyTcpdump: 0,
    otherLength: 0,
    otherTime: 0,
    pairs: tcpdump.length,
  });
}

/** tcpdump and tshark open the file and count as many packets, without a complaint. */
export async function expectOpens(file: Uint8Array, packets: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bpfleet-export-'));
  try {
    const path = join(folder, 'export.pcapng');
    await writeFile(path, file);
    const options = { maxBuffer: 1 << 28 };
    const tcpdump = await run('tcpdump', ['-n', '-tt', '-q', '-r', path], options);
    expect(tcpdump.stdout.split('\n').filter((line) => /^\d+\.\d+ /.test(line))).toHaveLength(packets);
    expect(tcpdump.stderr.trim().split('\n')).toEqual([expect.stringMatching(/^reading from file/)]);
    const tshark = await run('tshark', ['-n', '-r', path, '-T', 'fields', '-e', 'frame.number'], options);
    expect(tshark.stdout.trim().split('\n')).toHaveLength(packets);
    // As root tshark says that this is dangerous; nothing else may be said.
    expect(tshark.stderr.replace(/Running as user "root"[^\n]*\n?/, '').trim()).toBe('');
  } finally {
    await rm(folder, { recursive: true });
  }
}
