import { BPF, type Instruction, interpret, MAX_INSTRUCTIONS, type Packet, type Program } from '@bpfleet/bpf';
import type { Random } from '../random.js';

const TRIES = 10_000;

/**
 * Two completions of a cut packet with different verdicts; or one, when no two were found. Each try runs the program and
 * makes up the missing bytes as it asks for them: mostly from the numbers that the program names behind a load of that
 * place, their neighbours, what arithmetic would make them of, 0 and all ones, else at random. Every second try keeps most
 * of a completion that went a new way through the program.
 */
export function verdictsOfCompletions(program: Program, packet: Packet, random: Random, tries = TRIES): Set<number> {
  const loads = loadsOf(program, packet.wireLength);
  const verdicts = new Set<number>();
  const found: ImaginedBytes[] = [];
  const steps = new Set<number>();
  for (let index = 0; index < tries && verdicts.size < 2; index++) {
    const bytes = new ImaginedBytes(packet, loads, random, index % 2 === 1 ? found : []);
    const stepsBefore = steps.size;
    const watched = watchedProgram(program, steps);
    verdicts.add(interpret(watched, { ...packet, bytes: bytes.view(), start: 0, capturedLength: packet.wireLength }));
    if (steps.size > stepsBefore) found.push(bytes);
  }
  return verdicts;
}

/** Notes from where to where the machine goes. */
function watchedProgram(program: Program, steps: Set<number>): Program {
  let last = 0;
  const get = (target: Program, name: string | symbol) => {
    const pc = Number(name);
    steps.add(last * MAX_INSTRUCTIONS + pc);
    last = pc;
    return target[pc];
  };
  return new Proxy(program, { get });
}

interface Load {
  /** Undefined: anywhere, by X. */
  readonly offset: number | undefined;
  readonly size: number;
  readonly constants: readonly number[];
  /** What is calculated from it, or where it is in X. */
  readonly arithmetic: readonly Instruction[];
}

/** The bytes of a packet; those that were cut come into being when they are first read. */
class ImaginedBytes {
  readonly #bytes: Uint8Array;
  readonly #isThere: Uint8Array;
  readonly #places = new Set<number>();
  readonly #aimedPercent: number;

  /** @param found of one of them all is kept but some of what the program read */
  constructor(
    private readonly packet: Packet,
    private readonly loads: readonly Load[],
    private readonly random: Random,
    found: readonly ImaginedBytes[],
  ) {
    this.#aimedPercent = random.of([0, 60, 90, 100]);
    const kept = found.length > 0 ? random.of(random.chance(50) ? found : found.slice(-3)) : undefined;
    this.#bytes = kept ? kept.#bytes.slice() : packet.bytes.slice(packet.start, packet.start + packet.wireLength);
    this.#isThere = kept ? kept.#isThere.slice() : new Uint8Array(packet.wireLength).fill(1, 0, packet.capturedLength);
    const places = kept ? [...kept.#places] : [];
    for (let count = places.length && 1 + random.below(3); count > 0; count--) {
      const place = random.of(places);
      this.#isThere.fill(0, place, place + random.of([1, 2, 4]));
    }
  }

  view(): Uint8Array {
    return new Proxy(this.#bytes, { get: (_, at) => this.#read(Number(at)) });
  }

  #read(at: number): number {
    // The machine reads a load's first byte first, so a missing byte is where a load, or the cut, begins.
    if (this.#isThere[at] === 0) this.#imagine(at);
    if (at >= this.packet.capturedLength) this.#places.add(at);
    return this.#bytes[at] ?? 0;
  }

  #imagine(at: number): void {
    const here = this.loads.filter(({ offset, size }) => offset !== undefined && offset <= at && at < offset + size);
    const fitting = here.length > 0 ? here : this.loads.filter(({ offset }) => offset === undefined);
    const load = fitting.length > 0 ? this.random.of(fitting) : undefined;
    if (load === undefined || !this.random.chance(this.#aimedPercent)) {
      this.#write(at, 1, this.random.of([0, 255, this.random.below(256), this.random.below(16)]));
      return;
    }
    let value = this.random.of(load.constants);
    while (load.arithmetic.length > 0 && this.random.chance(30)) value = before(this.random.of(load.arithmetic), value);
    this.#write(load.offset ?? at, load.size, value);
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
    const { constants, arithmetic } = namedAfter(program, pc, wireLength);
    const size = (code & 0x18) === BPF.W ? 4 : (code & 0x18) === BPF.H ? 2 : 1;
    if (code === (BPF.LDX | BPF.B | BPF.MSH))
      return [{ offset: k, size: 1, constants: [0x45, 0x45, 0x46, 0x4f, 0x40], arithmetic: [] }];
    if ((code & 0xe7) === (BPF.LD | BPF.ABS)) return [{ offset: k, size, constants, arithmetic }];
    return (code & 0xe7) === (BPF.LD | BPF.IND) ? [{ offset: undefined, size, constants, arithmetic }] : [];
  });
}

/** The numbers that instructions behind a load name, and its arithmetic, on all ways from there to the next load of bytes. */
function namedAfter(program: Program, from: number, wireLength: number): Pick<Load, 'constants' | 'arithmetic'> {
  const constants: number[] = [0, 0, 0xffff_ffff];
  // X keeps what an earlier load gave.
  const arithmetic = program.slice(from + 1).filter(({ code }) => (code & 0xe7) === (BPF.LD | BPF.IND));
  const reached = new Set([from + 1]);
  // Jumps only lead onwards: a set that grows while it is walked through is enough.
  for (const pc of reached) {
    const instruction = program[pc] as Instruction;
    const { code, jt, jf, k } = instruction;
    const kind = code & 0x07;
    const loadsBytes = kind === BPF.LD && ((code & 0xe0) === BPF.ABS || (code & 0xe0) === BPF.IND);
    if (kind === BPF.RET || loadsBytes) continue;
    if (kind === BPF.ALU) arithmetic.push(instruction);
    const isGo = code === (BPF.JMP | BPF.JA);
    if (kind === BPF.JMP && !isGo) constants.push(k, k, k, k, k - 1, k + 1);
    // Unoptimised programs test differences, and load constants by way of M[].
    if (kind === BPF.ALU || code === (BPF.LD | BPF.IMM)) constants.push(k, k + 1, k * 2);
    if ((code & 0xe0) === BPF.LEN && kind <= BPF.LDX) constants.push(wireLength, wireLength - 14);
    for (const skip of isGo ? [k] : kind === BPF.JMP ? [jt, jf] : [0]) reached.add(pc + 1 + skip);
  }
  return { constants, arithmetic };
}

/** A number of which the instruction makes this one, if its operand is k. */
function before({ code, k }: Instruction, number: number): number {
  if ((code & 0x07) === BPF.LD) return number - k;
  const zeros = 31 - Math.clz32(k & -k);
  switch (code & 0xf0) {
    case BPF.ADD:
      return number - k;
    case BPF.SUB:
      return number + k;
    case BPF.XOR:
      return number ^ k;
    case BPF.NEG:
      return -number;
    case BPF.LSH:
      return number >>> k;
    case BPF.RSH:
      return number << k;
    case BPF.DIV:
      return number * k;
    case BPF.MUL:
      return Math.imul(number >>> zeros, inverse(k >>> zeros));
    default:
      return number;
  }
}

/** Of an odd number modulo 2^32, by Newton's iteration. */
function inverse(odd: number): number {
  let found = odd;
  for (let step = 0; step < 4; step++) found = Math.imul(found, 2 - Math.imul(odd, found));
  return found;
}
