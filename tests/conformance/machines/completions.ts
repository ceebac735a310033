import { BPF, interpret, type Packet, type Program } from '@bpfleet/bpf';
import type { Random } from '../random.js';

const TRIES = 4000;

/**
 * Two completions of a cut packet with different verdicts; or one, when no two were found. Each try runs the program and
 * makes up the missing bytes as it asks for them: mostly from the numbers that the program names behind a load of that
 * place, their neighbours, 0 and all ones, else at random.
 */
export function verdictsOfCompletions(program: Program, packet: Packet, random: Random): Set<number> {
  const loads = loadsOf(program, packet.wireLength);
  const verdicts = new Set<number>();
  for (let index = 0; index < TRIES && verdicts.size < 2; index++) {
    const aimedPercent = random.of([0, 60, 90, 100]);
    const bytes = new ImaginedBytes(packet, loads, random, aimedPercent).view();
    verdicts.add(interpret(program, { ...packet, bytes, start: 0, capturedLength: packet.wireLength }));
  }
  return verdicts;
}

interface Load {
  /** Undefined: anywhere, by X. */
  readonly offset: number | undefined;
  readonly size: number;
  readonly constants: readonly number[];
}

/** The bytes of a packet; those that were cut come into being when they are first read. */
class ImaginedBytes {
  readonly #bytes: Uint8Array;
  readonly #isThere: Uint8Array;

  constructor(
    packet: Packet,
    private readonly loads: readonly Load[],
    private readonly random: Random,
    private readonly aimedPercent: number,
  ) {
    this.#bytes = packet.bytes.slice(packet.start, packet.start + packet.wireLength);
    this.#isThere = new Uint8Array(packet.wireLength).fill(1, 0, packet.capturedLength);
  }

  view(): Uint8Array {
    return new Proxy(this.#bytes, { get: (_, at) => this.#read(Number(at)) });
  }

  #read(at: number): number {
    // The machine reads a load's first byte first, so a missing byte is where a load, or the cut, begins.
    if (this.#isThere[at] === 0) this.#imagine(at);
    return this.#bytes[at] ?? 0;
  }

  #imagine(at: number): void {
    const here = this.loads.filter(({ offset, size }) => offset !== undefined && offset <= at && at < offset + size);
    const fitting = here.length > 0 ? here : this.loads.filter(({ offset }) => offset === undefined);
    const load = fitting.length > 0 ? this.random.of(fitting) : undefined;
    if (load === undefined || !this.random.chance(this.aimedPercent)) {
      this.#write(at, 1, this.random.of([0, 255, this.random.below(256), this.random.below(16)]));
      return;
    }
    this.#write(load.offset ?? at, load.size, this.random.of(load.constants));
  }

  #write(from: number, size: number, value: number): void {
    for (let index = 0; index < size; index++) {
      const at = from + index;
      if (this.#isThere[at] !== 0) continue;
      this.#isThere[at] = 1;
      this.#bytes[at] = (value >>> (8 * (size - 1 - index))) & 0xff;
    }
  }
}

/** Where the program loads from, and what it makes of what it finds there. */
function loadsOf(program: Program, wireLength: number): Load[] {
  return program.flatMap(({ code, k }, pc): Load[] => {
    if ((code & 0x07) === BPF.RET) return [];
    const constants = constantsAfter(program, pc, wireLength);
    const size = (code & 0x18) === BPF.W ? 4 : (code & 0x18) === BPF.H ? 2 : 1;
    if (code === (BPF.LDX | BPF.B | BPF.MSH))
      return [{ offset: k, size: 1, constants: [0x45, 0x45, 0x46, 0x4f, 0x40] }];
    if ((code & 0xe7) === (BPF.LD | BPF.ABS)) return [{ offset: k, size, constants }];
    return (code & 0xe7) === (BPF.LD | BPF.IND) ? [{ offset: undefined, size, constants }] : [];
  });
}

/** The numbers that instructions behind a load name, on all ways from there to the next load of bytes. */
function constantsAfter(program: Program, from: number, wireLength: number): number[] {
  const constants: number[] = [0, 0, 0xffff_ffff];
  const reached = new Set([from + 1]);
  // Jumps only lead onwards: a set that grows while it is walked through is enough.
  for (const pc of reached) {
    const { code, jt, jf, k } = program[pc] as Program[number];
    const kind = code & 0x07;
    const loadsBytes = kind === BPF.LD && ((code & 0xe0) === BPF.ABS || (code & 0xe0) === BPF.IND);
    if (kind === BPF.RET || loadsBytes) continue;
    const isGo = code === (BPF.JMP | BPF.JA);
    if (kind === BPF.JMP && !isGo) constants.push(k, k, k, k, k - 1, k + 1);
    // Unoptimised programs test differences, and load constants by way of M[].
    if (kind === BPF.ALU || code === (BPF.LD | BPF.IMM)) constants.push(k, k + 1, k * 2);
    if ((code & 0xe0) === BPF.LEN && kind <= BPF.LDX) constants.push(wireLength, wireLength - 14);
    for (const skip of isGo ? [k] : kind === BPF.JMP ? [jt, jf] : [0]) reached.add(pc + 1 + skip);
  }
  return constants;
}
