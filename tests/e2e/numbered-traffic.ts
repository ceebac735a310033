import { buildEthernet, buildIpv4, buildUdp, Protocol } from '@bpfleet/packet';
import { readCapture } from '@bpfleet/section';
import { LiveTraffic, seededRandom } from '../environment/src/live-traffic/index.js';

export const NUMBERED_PORT = 5301;
/** Ethernet 14, IPv4 20, UDP 8. */
const NUMBER_AT = 42;
const UDP_CHECKSUM_AT = 40;

export const numberedExpression = `udp port ${NUMBERED_PORT}`;

/** Frames that each carry their number: what is stored twice, or not, shows. */
export function numberedFrames(from: number, count: number): Uint8Array[] {
  const ends = { source: '198.18.0.1', destination: '198.18.0.2' };
  const payload = buildUdp({
    ...ends,
    sourcePort: 40_000,
    destinationPort: NUMBERED_PORT,
    payload: new Uint8Array(58),
  });
  const template = buildEthernet({ payload: buildIpv4({ ...ends, protocol: Protocol.UDP, payload }) });
  // No checksum (RFC 768): the number changes.
  template.fill(0, UDP_CHECKSUM_AT, UDP_CHECKSUM_AT + 2);
  return Array.from({ length: count }, (_, i) => {
    const frame = template.slice();
    new DataView(frame.buffer).setUint32(NUMBER_AT, from + i);
    return frame;
  });
}

/** Ahead of the number in a source MAC address: a locally administered one, of nobody. */
const NUMBERED_MAC = 0x02bf;
const SOURCE_MAC_AT = 6;

/** Of live traffic that carries numbers. */
export const numberedLiveExpression = `ether[${SOURCE_MAC_AT}:2] = 0x${NUMBERED_MAC.toString(16)}`;

/** @returns frames of live traffic, all kinds of them, that each carry their number in the source MAC address */
export function numberedLiveFrames(seed: number): (from: number, count: number) => Uint8Array[] {
  const traffic = new LiveTraffic(seededRandom(seed));
  return (from, count) =>
    Array.from({ length: count }, (_, i) => {
      traffic.advance();
      const frame = traffic.bytes.slice();
      const view = new DataView(frame.buffer);
      view.setUint16(SOURCE_MAC_AT, NUMBERED_MAC);
      view.setUint32(SOURCE_MAC_AT + 2, from + i);
      return frame;
    });
}

/** The numbers in a capture file, in its order. */
export function numbersIn(file: Uint8Array): number[] {
  return [...readCapture(file)].map(({ bytes }) => numberOf(bytes));
}

export function numberOf(frame: Uint8Array): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const isLive = view.getUint16(SOURCE_MAC_AT) === NUMBERED_MAC;
  return view.getUint32(isLive ? SOURCE_MAC_AT + 2 : NUMBER_AT);
}
