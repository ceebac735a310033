/** A small generator of numbers that can be repeated: mulberry32. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const ETHER_TYPES = [0x0800, 0x0800, 0x0800, 0x86dd, 0x0806, 0x88cc];
const PROTOCOLS = [1, 6, 6, 17, 17, 58, 132];
const PORTS = [22, 53, 80, 123, 443, 5353, 8080, 50_000];

/** Frames that filters of every kind tell apart: tags, fragments, options, short ones, random bytes where nothing is said. */
export function randomFrame(random: (below: number) => number): Uint8Array {
  const frame = Uint8Array.from({ length: 14 + random(180) }, () => random(256));
  const view = new DataView(frame.buffer);
  frame.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
  let network = 14;
  if (frame.length > 40 && random(4) === 0) {
    view.setUint16(12, 0x8100);
    view.setUint16(14, random(8));
    network = 18;
  }
  const etherType = ETHER_TYPES[random(ETHER_TYPES.length)]!;
  view.setUint16(network - 2, etherType);
  if (frame.length < network + 44) return frame;
  if (etherType === 0x0800) ipv4(frame, view, network, random);
  else if (etherType === 0x86dd) ipv6(frame, view, network, random);
  return frame;
}

function ipv4(frame: Uint8Array, view: DataView, at: number, random: (below: number) => number): void {
  const words = random(8) === 0 ? 6 + random(4) : 5;
  frame[at] = 0x40 | words;
  view.setUint16(at + 6, random(8) === 0 ? random(0x2000) : 0x4000);
  frame[at + 9] = PROTOCOLS[random(PROTOCOLS.length)]!;
  for (const address of [at + 12, at + 16]) frame.set([10, 0, random(3), random(4)], address);
  ports(view, at + 4 * words, random);
}

function ipv6(frame: Uint8Array, view: DataView, at: number, random: (below: number) => number): void {
  frame[at] = 0x60;
  frame[at + 6] = random(8) === 0 ? 44 : PROTOCOLS[random(PROTOCOLS.length)]!;
  for (const address of [at + 8, at + 24]) frame.set([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, random(3)], address);
  ports(view, at + 40, random);
}

function ports(view: DataView, at: number, random: (below: number) => number): void {
  if (at + 14 > view.byteLength) return;
  view.setUint16(at, PORTS[random(PORTS.length)]!);
  view.setUint16(at + 2, PORTS[random(PORTS.length)]!);
}
