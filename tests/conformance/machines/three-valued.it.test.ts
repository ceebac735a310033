import { formatProgram, interpret, interpretThreeValued, jitThreeValued, type Program, UNDECIDED } from '@bpfleet/bpf';
import { Libpcap } from '@bpfleet/linux';
import { expect, it } from 'vitest';
import { type Requirement, suiteRequires } from '../../environment/src/requirements.js';
import { printFigures } from '../figures.js';
import { Random, seedOfRun } from '../random.js';
import { shareWithin } from '../share.js';
import { borderProgram } from './border-programs.js';
import { compiledPrograms, packetFor } from './compiled-programs.js';
import { verdictsOfCompletions } from './completions.js';
import { randomValidProgram } from './random-program.js';

const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS) || 1;
const PROGRAMS = 300 * ROUNDS;
/** Few cuts of random programs are undecided: of more programs, so that a handful does not decide how tight they are. */
const MORE = 6;
const PACKETS = 4;
const CUTS = 4;
/** Completions that a decided verdict is compared with, beside the packet itself. */
const COMPLETIONS = 40;
/** Of the cuts called undecided, at least so many must have two completions that disagree. */
const LEAST_TIGHT = 0.95;

function installed(): Requirement<{ libpcap: Libpcap }> {
  try {
    return { libpcap: Libpcap.open() };
  } catch (error) {
    return { unavailable: String(error) };
  }
}

suiteRequires('three-valued verdicts of cut packets', { libpcap: installed() }, ({ libpcap: { libpcap } }) => {
  const seed = seedOfRun();

  it.each(['compiled', 'random', 'border'] as const)(
    `are those of the whole packet, or undecided with reason: %s programs (BPFLEET_TEST_SEED=${seed})`,
    (kind) => {
      const random = new Random(seed);
      const programs = programsOf(kind, libpcap, random);
      const count = { pairs: 0, decided: 0, undecided: 0, tight: 0, stopped: 0 };
      for (const program of programs) {
        const run = jitThreeValued(program);
        for (let index = 0; index < PACKETS; index++) {
          const whole = packetFor(program, random);
          for (let cut = 0; cut < CUTS; cut++) {
            const packet = { ...whole, capturedLength: random.below(Math.min(whole.wireLength, 80) + 1) };
            const answer = interpretThreeValued(program, packet);
            count.pairs++;
            const isStopped = interpret(program, packet) === UNDECIDED;
            if (isStopped) count.stopped++;
            const found = run(packet.bytes, packet.start, packet.capturedLength, packet.wireLength);
            if (found !== answer) expect([found, formatProgram(program, 'd')]).toEqual([answer]);
            if (answer !== UNDECIDED) {
              count.decided++;
              const expected = isStopped
                ? verdictsOfCompletions(program, packet, random, COMPLETIONS)
                : new Set<number>();
              for (const verdict of expected.add(interpret(program, whole))) {
                if (answer === verdict) continue;
                expect([answer, packet.capturedLength, formatProgram(program, 'd')]).toEqual([verdict]);
              }
              continue;
            }
            count.undecided++;
            if (verdictsOfCompletions(program, packet, random).size > 1) count.tight++;
            else if (process.env.BPFLEET_TEST_VERBOSE)
              console.info(
                Buffer.from(packet.bytes.subarray(0, packet.capturedLength)).toString('hex'),
                packet.wireLength,
                formatProgram(program, 'd'),
              );
          }
        }
      }
      const tight = count.tight / count.undecided;
      printFigures(
        seed,
        `${kind}: ${count.pairs} (program, packet, cut), ${count.stopped} meet a cut load, ` +
          `${count.decided} decided, ${count.undecided} undecided, ${(tight * 100).toFixed(2)} % tight`,
      );
      expect(shareWithin(tight, programs.length).most).toBeGreaterThanOrEqual(LEAST_TIGHT);
    },
    60_000 * ROUNDS,
  );
});

function programsOf(kind: 'compiled' | 'random' | 'border', libpcap: Libpcap, random: Random): Program[] {
  switch (kind) {
    case 'compiled':
      return compiledPrograms(libpcap, random, PROGRAMS);
    case 'random':
      return Array.from({ length: MORE * PROGRAMS }, () => randomValidProgram(random, { ancillary: false }));
    case 'border':
      return Array.from({ length: 3 * PROGRAMS }, () => borderProgram(random));
  }
}
