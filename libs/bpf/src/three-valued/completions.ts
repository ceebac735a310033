import type { Program } from '../instruction.js';
import type { NumberSet } from '../number-set.js';
import { interpret } from '../run/interpret.js';
import type { Packet } from '../run/packet.js';
import type { Missing } from './terms.js';
import type { Value } from './value.js';

/** Missing bytes further behind are taken to be 0: packets may claim any length. */
const MOST_BYTES = 4096;

/** Runs a program on completions of a cut packet. */
export class Completions {
  readonly #bytes: Uint8Array;
  #random = 1;

  constructor(
    private readonly program: Program,
    private readonly packet: Packet,
    private readonly sets: readonly NumberSet[],
  ) {
    const { bytes, start, capturedLength, wireLength } = packet;
    this.#bytes = new Uint8Array(Math.max(capturedLength, Math.min(wireLength, MOST_BYTES)));
    this.#bytes.set(bytes.subarray(start, start + capturedLength));
  }

  /** The verdict when all missing bytes are this one; UNDECIDED where metadata is missing too. */
  filledWith(byte: number): number {
    this.#bytes.fill(byte, this.packet.capturedLength);
    return this.#verdict();
  }

  /** The verdict for one of the completions in which these bytes are what they can be. */
  fitting(missing: Iterable<Missing>): number {
    for (const { at, value } of missing)
      if (at !== undefined && at < this.#bytes.length) this.#bytes[at] = this.#oneOf(value);
    return this.#verdict();
  }

  #verdict(): number {
    const { packet } = this;
    const whole = { ...packet, bytes: this.#bytes, start: 0, capturedLength: packet.wireLength };
    return interpret(this.program, whole, this.sets);
  }

  #oneOf({ low, high, known, bits }: Value): number {
    // Any sequence would do; this one is the same each time (Knuth's MMIX has its constants).
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0;
    const number = (((this.#random >>> 16) & ~known) | bits) >>> 0;
    return number < low ? low : number > high ? high : number;
  }
}
