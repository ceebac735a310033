/**
 * Packets that tell which ones they are, for two filters that take turns: versions with an odd number accept the classes
 * `odd` and `both`, those with an even one `even` and `both`. The class is the UDP source port.
 */
export const CLASSES = ['odd', 'even', 'both', 'neither'] as const;
export type PacketClass = (typeof CLASSES)[number];

const portOf = (packetClass: PacketClass) => 1 + CLASSES.indexOf(packetClass);

/** What the version's filter is. */
export const expressionOf = (version: number): string =>
  `udp src port ${portOf(version % 2 === 1 ? 'odd' : 'even')} or udp src port ${portOf('both')}`;

export const accepts = (version: number, packetClass: PacketClass): boolean =>
  packetClass === 'both' || packetClass === (version % 2 === 1 ? 'odd' : 'even');

/** In no order that anything else could follow, and the same for who sends and who looks at what was stored. */
export function classOf(number: number, seed: number): PacketClass {
  let mixed = Math.imul(number ^ seed, 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return CLASSES[(mixed >>> 29) & 3]!;
}

const HEADERS = [
  ...[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0],
  ...[0x45, 0, 0, 50, 0, 0, 0, 0, 64, 17, 0, 0, 198, 18, 0, 1, 198, 18, 0, 2],
];
const SOURCE_PORT = 34;
const NUMBER = 42;

export function numberedFrame(number: number, sourcePort: number, destinationPort = 9): Uint8Array {
  const frame = new Uint8Array(64);
  frame.set(HEADERS);
  const view = new DataView(frame.buffer);
  view.setUint16(SOURCE_PORT, sourcePort);
  view.setUint16(SOURCE_PORT + 2, destinationPort);
  view.setUint16(SOURCE_PORT + 4, 30);
  view.setUint32(NUMBER, number);
  return frame;
}

export const classedFrame = (number: number, seed: number): Uint8Array =>
  numberedFrame(number, portOf(classOf(number, seed)));

/** So many go to one interface before the next one has its turn. */
export const IN_A_ROW = 8;

/** To which of so many interfaces a packet goes. */
export const placeOf = (number: number, interfaces: number): number => Math.floor(number / IN_A_ROW) % interfaces;

/** @param start of the frame in the bytes */
export const numberAt = (bytes: Uint8Array, start: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset + start + NUMBER).getUint32(0);
