import type { Packet, PacketMetadata, Program } from '@bpfleet/bpf';
import type { LinkForm } from '../link-types.js';
import { formFor, type Theirs } from '../oracle/oracle.js';
import type { Random } from '../random.js';
import { randomFrame } from './frames.js';
import { reaching, steer } from './steer.js';

/** Makes packets for one expression: frames of its link type, most of them led to one of libpcap's two answers. */
export class PacketMaker {
  readonly #ways = new Map<Program, { accept: Uint8Array; refuse: Uint8Array }>();

  constructor(
    private readonly random: Random,
    private readonly form: LinkForm,
    private readonly theirs: Theirs,
  ) {}

  next(): Packet {
    const { random } = this;
    const frame = Uint8Array.from(randomFrame(random, this.form));
    const plan = random.below(10);
    let bytes = frame;
    if (plan < 8) {
      const { plain } = formFor(this.theirs, whole(frame));
      const { accept, refuse } = this.#waysOf(plain);
      // One refusal in two leaves the way to acceptance at a late decision: a near miss.
      const length =
        plan < 5
          ? steer(plain, frame, accept, random, 2)
          : plan === 5
            ? steer(plain, frame, refuse, random, 10)
            : steer(plain, frame, accept, random, 25);
      if (length !== undefined) bytes = resized(frame, length);
    }
    return this.#seen(random.chance(8) ? cut(random, bytes) : random.chance(5) ? flipped(random, bytes) : bytes);
  }

  #seen(bytes: Uint8Array): Packet {
    if (!this.form.live) return whole(bytes);
    return { ...whole(bytes), metadata: metadataOf(this.random) };
  }

  #waysOf(program: Program): { accept: Uint8Array; refuse: Uint8Array } {
    const known = this.#ways.get(program);
    if (known !== undefined) return known;
    const ways = { accept: reaching(program, true), refuse: reaching(program, false) };
    this.#ways.set(program, ways);
    return ways;
  }
}

export function whole(bytes: Uint8Array, metadata?: PacketMetadata): Packet {
  const packet = { bytes, start: 0, capturedLength: bytes.length, wireLength: bytes.length };
  return metadata === undefined ? packet : { ...packet, metadata };
}

function metadataOf(random: Random): PacketMetadata {
  const vlanTagPresent = random.chance(45);
  return {
    protocol: 0x0800,
    packetType: random.below(5),
    interfaceIndex: random.of([1, 2, 7]),
    vlanTagPresent,
    vlanTci: vlanTagPresent ? random.of([0, 1, 10, 100, random.below(65536)]) : 0,
    vlanProtocol: vlanTagPresent ? random.of([0x8100, 0x88a8]) : 0,
  };
}

function resized(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const other = new Uint8Array(length);
  other.set(bytes.subarray(0, length));
  return other;
}

const cut = (random: Random, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> =>
  bytes.slice(0, random.below(Math.min(60, bytes.length)));

/** Malformed: a byte of the headers says anything, often a length. */
function flipped(random: Random, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const changed = bytes.slice();
  for (let count = random.of([1, 1, 3]); count > 0; count--)
    changed[random.below(Math.min(70, changed.length))] = random.below(256);
  return changed;
}
