import { BPF, type Packet, type PacketMetadata, type Program } from '@bpfleet/bpf';
import type { LinkForm } from '../link-types.js';
import { run } from '../oracle/machine.js';
import { formFor, type Theirs } from '../oracle/oracle.js';
import type { Random } from '../random.js';
import { GENEVE_PORT, randomFrame, tunnelFrame } from './frames.js';
import { loadEnds } from './load-ends.js';
import { type Changeable, exchangeOne, reaching, steer, turnOne } from './steer.js';

/** Makes packets for one expression: frames of its link type, most of them led to one of libpcap's two answers. */
export class PacketMaker {
  readonly #reached = { accept: false, refuse: false };
  readonly #asked = { accept: 0, refuse: 0 };
  readonly #asksForTunnel: boolean;
  readonly #ways = new Map<Program, { accept: Uint8Array; refuse: Uint8Array }>();

  constructor(
    private readonly random: Random,
    private readonly form: LinkForm,
    private readonly theirs: Theirs,
  ) {
    this.#asksForTunnel = theirs.plain.some(({ code, k }) => code === (BPF.JMP | BPF.JEQ | BPF.K) && k === GENEVE_PORT);
  }

  next(): Packet {
    const { random } = this;
    const plan = random.below(10);
    const wanted = plan < 4 ? 'accept' : plan < 7 ? 'refuse' : undefined;
    // The others go where they go: frames as they come, near misses, and ways left at some decision.
    let packet = this.#made(wanted ?? 'accept', wanted ? 3 : random.of([100, 25, 0, 0, 0, 0]), wanted === undefined);
    for (let tries = this.#triesFor(wanted); tries > 0 && wanted !== undefined; tries--) {
      const isAccepted = run(formFor(this.theirs, packet).plain, packet).value !== 0;
      if (isAccepted) this.#reached.accept = true;
      else this.#reached.refuse = true;
      if (isAccepted === (wanted === 'accept')) break;
      packet = this.#made(wanted, 3);
    }
    return packet;
  }

  /** An end that was never reached costs most tries; then it probably cannot be. */
  #triesFor(wanted: 'accept' | 'refuse' | undefined): number {
    if (wanted === undefined) return 0;
    this.#asked[wanted]++;
    return this.#reached[wanted] || this.#asked[wanted] < 6 ? 5 : 1;
  }

  #made(wanted: 'accept' | 'refuse', astray: number, isNearMiss = false): Packet {
    const { random } = this;
    const frame = Uint8Array.from(this.#frame());
    const metadata = this.form.live ? metadataOf(random) : undefined;
    let bytes = frame;
    if (astray < 100) {
      const { plain } = formFor(this.theirs, whole(frame));
      const { length, decisions } = steer(plain, frame, metadata, this.#waysOf(plain)[wanted], random, astray);
      if (isNearMiss) (random.chance(65) ? turnOne : exchangeOne)(decisions, frame, random);
      if (length !== undefined) bytes = resized(frame, length);
    }
    if (random.chance(8)) bytes = this.#cut(bytes, metadata);
    else if (random.chance(4)) bytes = flipped(random, bytes);
    return whole(bytes, metadata);
  }

  /** Anywhere, or where a load that libpcap makes on the way is just inside or just not. */
  #cut(bytes: Uint8Array<ArrayBuffer>, metadata: PacketMetadata | undefined): Uint8Array<ArrayBuffer> {
    const { random } = this;
    const packet = whole(bytes, metadata);
    const ends = random.chance(70) ? loadEnds(formFor(this.theirs, packet).plain, packet) : [];
    if (ends.length === 0) return bytes.slice(0, random.below(Math.min(60, bytes.length)));
    return bytes.slice(0, random.of(ends) + random.of([-1, -1, 0, 1]));
  }

  #frame(): number[] {
    return (this.#asksForTunnel && this.random.chance(50) ? tunnelFrame : randomFrame)(this.random, this.form);
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

function metadataOf(random: Random): Changeable<PacketMetadata> {
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

/** Malformed: a byte of the headers says anything, often a length. */
function flipped(random: Random, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const changed = bytes.slice();
  for (let count = random.of([1, 1, 3]); count > 0; count--)
    changed[random.below(Math.min(70, changed.length))] = random.below(256);
  return changed;
}
