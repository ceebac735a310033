import { buildEthernet, buildIpv4, buildUdp, Protocol } from '@bpfleet/packet';
import { readCapture } from '@bpfleet/section';

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

/** The numbers in a capture file, in its order. */
export function numbersIn(file: Uint8Array): number[] {
  return [...readCapture(file)].map(({ bytes }) => numberOf(bytes));
}

export const numberOf = (frame: Uint8Array): number =>
  new DataView(frame.buffer, frame.byteOffset, frame.byteLength).getUint32(NUMBER_AT);
