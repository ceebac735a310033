import { buildEthernet, buildIpv4, buildUdp } from '@bpfleet/packet';
import { seededRandom } from '@bpfleet/test-environment/live-traffic';

const FRAME_BYTES = 100;
const HEADER_BYTES = 14 + 20 + 8;
const DISTINCT = 1024;

/** UDP of 100 bytes between 64 hosts, to addresses that nobody has. */
export function plainFrames(seed: number): Uint8Array[] {
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const payload = new Uint8Array(FRAME_BYTES - HEADER_BYTES);
  return Array.from({ length: DISTINCT }, () => {
    const ends = { source: `198.18.0.${1 + below(64)}`, destination: `198.18.1.${1 + below(64)}` };
    const ports = { sourcePort: 32_768 + below(20_000), destinationPort: 1 + below(10_000) };
    const udp = buildUdp({ ...ends, ...ports, payload });
    return buildEthernet({ payload: buildIpv4({ ...ends, protocol: 17, payload: udp }) });
  });
}
