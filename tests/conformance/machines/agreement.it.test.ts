import { encodeProgram, formatProgram, jit, type Program } from '@bpfleet/bpf';
import type { Libpcap } from '@bpfleet/linux';
import { afterAll, expect, it } from 'vitest';
import { suiteRequires } from '../../environment/src/requirements.js';
import { printFigures } from '../figures.js';
import { Random, seedOfRun } from '../random.js';
import { shareWithin } from '../share.js';
import { compiledPrograms } from './compiled-programs.js';
import { machines, randomPacket, verdictOf } from './machines.js';
import { randomValidProgram } from './random-program.js';

const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS) || 1;
const PROGRAMS = 1500 * ROUNDS;
const PACKETS = 20;

suiteRequires('the classic machines', { machines: machines() }, ({ machines: { libpcap, kernel } }) => {
  const seed = seedOfRun();
  afterAll(() => kernel.close());

  it.each(['compiled', 'random'] as const)(
    `interpreter, JavaScript and this kernel agree on %s programs (BPFLEET_TEST_SEED=${seed})`,
    (kind) => {
      const random = new Random(seed);
      const count = { pairs: 0, accepted: 0, redrawn: 0, empty: 0 };
      for (let round = 0; round < PROGRAMS; round++) {
        const program = programOf(kind, libpcap, random);
        const run = jit(program);
        kernel.attach(encodeProgram(program));
        for (let index = 0; index < PACKETS; index++) {
          let packet = randomPacket(program, random);
          let value = verdictOf(program, packet);
          for (let tries = 0; tries < 10 && value === undefined; tries++) {
            count.redrawn++;
            packet = randomPacket(program, random);
            value = verdictOf(program, packet);
          }
          // Some programs read before X whatever the packet.
          if (value === undefined) continue;
          const inJavaScript = run(packet.bytes, packet.start, packet.capturedLength, packet.wireLength);
          // The kernel shows min(verdict, length), and nothing of a packet without bytes.
          const seen = Math.min(value, packet.wireLength);
          const inKernel = packet.wireLength === 0 ? seen : kernel.verdict(packet.bytes);
          count.pairs++;
          if (packet.wireLength === 0) count.empty++;
          if (value !== 0) count.accepted++;
          if (inJavaScript !== value || inKernel !== seen) {
            const hex = Buffer.from(packet.bytes).toString('hex');
            const verdicts = `interpreter ${value}, JavaScript ${inJavaScript}, kernel ${inKernel}`;
            expect.fail(`seed ${seed}: ${verdicts}\n${hex}\n${formatProgram(program, 'd')}`);
          }
        }
      }
      printFigures(
        seed,
        `${kind}: ${count.pairs} (program, packet) pairs agree, ${PROGRAMS} programs, ` +
          `${((100 * count.accepted) / count.pairs).toFixed(1)} % accepted, ${count.redrawn} redrawn for an indirect sum ` +
          `of 2^31 or more, ${count.empty} packets of 0 bytes without the kernel`,
      );
      const accepted = shareWithin(count.accepted / count.pairs, PROGRAMS);
      expect(accepted.most).toBeGreaterThan(0.1);
      expect(accepted.least).toBeLessThan(0.9);
    },
    60_000 * ROUNDS,
  );
});

function programOf(kind: 'compiled' | 'random', libpcap: Libpcap, random: Random): Program {
  if (kind === 'random') return randomValidProgram(random, { ancillary: false });
  return compiledPrograms(libpcap, random, 1)[0] as Program;
}
