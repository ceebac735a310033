import { interpret, type Program } from '@bpfleet/bpf';
import type { Libpcap } from '@bpfleet/linux';
import type { LinkMember } from '@bpfleet/pcap-filter';
import { compiledPrograms, packetFor } from '../machines/compiled-programs.js';
import { randomValidProgram } from '../machines/random-program.js';
import type { Random } from '../random.js';
import { awkwardProgram } from './awkward-programs.js';
import { loadsAtNegativeOffset } from './indirect-sums.js';

const TRIED = 40;

/**
 * Programs for sets, a third each: compiled by us and by libpcap, random valid ones, and awkward ones. Many members
 * that accept much would always accept together, so a large set draws from those that accept little.
 */
export class MemberPool {
  /** Those that accept least come first. */
  readonly #programs: readonly Program[];

  constructor(libpcap: Libpcap, random: Random, size: number) {
    const compiled = compiledPrograms(libpcap, random, size);
    const noise = Array.from({ length: size }, () => randomValidProgram(random, { ancillary: false }));
    const awkward = Array.from({ length: size }, () => awkwardProgram(random));
    const accepts = new Map<Program, number>();
    for (const program of [...compiled, ...noise, ...awkward]) {
      const count = acceptsOf(program, random);
      // Most random programs say no to everything; a few of them are enough.
      if (count !== undefined && (count > 0 || random.chance(20))) accepts.set(program, count);
    }
    this.#programs = [...accepts].sort(([, one], [, other]) => one - other).map(([program]) => program);
  }

  /** Two to fifty members, some of which include own traffic. */
  set(random: Random): LinkMember[] {
    const size = 2 + random.below(random.of([3, 10, 49]));
    const share = size > 10 ? 0.3 : size > 4 ? 0.6 : 1;
    return Array.from({ length: size }, () => {
      const program = this.#programs[random.below(Math.ceil(this.#programs.length * share))] as Program;
      const digest = Array.from({ length: 16 }, () => random.below(16).toString(16)).join('');
      return { digest, program, snaplenBytes: 1 + random.below(200), includeOwnTraffic: random.chance(20) };
    });
  }
}

/** How many of some packets it accepts; undefined for one that often loads where sets cannot be compared. */
function acceptsOf(program: Program, random: Random): number | undefined {
  const packets = Array.from({ length: TRIED }, () => packetFor(program, random));
  if (packets.filter((packet) => loadsAtNegativeOffset(program, packet)).length > TRIED / 20) return undefined;
  return packets.filter((packet) => interpret(program, packet) !== 0).length;
}
