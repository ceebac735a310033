import { interpret, type Packet, type Program } from '@bpfleet/bpf';
import type { Libpcap } from '@bpfleet/linux';
import type { LinkMember } from '@bpfleet/pcap-filter';
import { compiledPrograms, packetFor } from '../machines/compiled-programs.js';
import { randomValidProgram } from '../machines/random-program.js';
import type { Random } from '../random.js';

interface Candidate {
  readonly program: Program;
  /** How many of some packets it accepts. */
  readonly accepts: number;
}

const TRIED = 40;

/**
 * Programs for sets: compiled by us and by libpcap, and random valid ones with `[x + k]`, `div x`, `ret a` and M[]. Many members
 * that accept much would always accept together, so a large set draws from those that accept little.
 */
export class MemberPool {
  readonly #candidates: readonly Candidate[];

  constructor(libpcap: Libpcap, random: Random, size: number) {
    const compiled = compiledPrograms(libpcap, random, size);
    const noise = Array.from({ length: size }, () => randomValidProgram(random, { ancillary: false }));
    const programs = [...compiled, ...noise].map((program) => ({ program, accepts: acceptsOf(program, random) }));
    this.#candidates = programs.sort((one, other) => one.accepts - other.accepts);
  }

  /** Two to fifty members; some have the same program, some include own traffic. */
  set(random: Random): LinkMember[] {
    const size = 2 + random.below(random.of([3, 10, 49]));
    const reach = size > 10 ? 0.35 : size > 4 ? 0.6 : 1;
    return Array.from({ length: size }, () => {
      const index = random.below(Math.ceil(this.#candidates.length * reach));
      const { program } = this.#candidates[index] as Candidate;
      const digest = Array.from({ length: 16 }, () => random.below(16).toString(16)).join('');
      return { digest, program, snaplenBytes: 1 + random.below(200), includeOwnTraffic: random.chance(20) };
    });
  }
}

function acceptsOf(program: Program, random: Random): number {
  const packets = Array.from({ length: TRIED }, () => packetFor(program, random));
  return packets.filter((packet: Packet) => interpret(program, packet) !== 0).length;
}
