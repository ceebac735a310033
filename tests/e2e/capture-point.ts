import { type ApiClient, controlApi } from '@bpfleet/contract';
import { interfaces, PacketSender } from '@bpfleet/linux';
import type { Host, Hosts } from '@bpfleet/test-environment';
import type { MixEndpoints } from './traffic-mix.js';

/** One interface an agent captures on, seen from outside: where a tcpdump stands beside it, and what reaches it. */
export interface CapturePoint {
  readonly agent: string;
  /** Where the agent runs. */
  readonly place: Host | Hosts['hub'];
  readonly device: string;
  /** The other end of the cable: frames sent there arrive at the device. */
  readonly peer: Host | Hosts['hub'];
  readonly peerDevice: string;
  readonly host: Host;
}

/** The hosts' own ends: what the agents of a fleet capture on. */
export const hostEnds = (hosts: Hosts): CapturePoint[] =>
  hosts.list.map((host) => ({
    agent: host.name,
    place: host,
    device: 'eth0',
    peer: hosts.hub,
    peerDevice: host.name,
    host,
  }));

/** The hub's ends: what one agent in the middle captures on. */
export const hubEnds = (hosts: Hosts, agent: string): CapturePoint[] =>
  hosts.list.map((host) => ({
    agent,
    place: hosts.hub,
    device: host.name,
    peer: host,
    peerDevice: 'eth0',
    host,
  }));

/** Frames as they come from the cable's other end, addressed to a neighbour that does not answer. */
export async function arrive(
  hosts: Hosts,
  point: CapturePoint,
  frames: readonly Uint8Array[],
  packetsPerSecond: number,
): Promise<void> {
  const sender = hosts.inside(point.peer, () => {
    const index = interfaces().find(({ name }) => name === point.peerDevice)!.index;
    return PacketSender.open({ interfaceIndex: index });
  });
  try {
    await sender.sendPaced(frames, { packetsPerSecond });
  } finally {
    sender.close();
  }
}

/** Not the addresses of anybody on the cable: the kernel looks at the frames and drops them, and asks nothing back. */
export const strangers = (host: Host): MixEndpoints => ({
  sourceMac: '02:77:00:00:00:01',
  destinationMac: '02:77:00:00:00:02',
  source: `198.18.${host.name.slice(1)}.1`,
  destination: `198.18.${host.name.slice(1)}.2`,
  source6: '2001:db8::1',
  destination6: '2001:db8::2',
});

/** Resolves when every point's agent runs this version there. */
export async function untilRuns(
  client: ApiClient,
  points: readonly CapturePoint[],
  version: string,
  until: (what: string, holds: () => Promise<boolean>) => Promise<void>,
): Promise<void> {
  await until(`${version} to run`, async () => {
    const { items } = await client.call(controlApi.listAgents, { query: {} });
    return points.every(({ agent, device }) => {
      const states = items.find(({ id }) => id === agent)?.status?.filters ?? [];
      return states.some(
        (state) =>
          `${state.filter}@${state.version}` === version &&
          state.interface === device &&
          state.state.startsWith('attested'),
      );
    });
  });
}
