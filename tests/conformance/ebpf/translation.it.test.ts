import { encodeEbpf, formatProgram, type Program, toEbpf } from '@bpfleet/bpf';
import { closeDescriptor, type KernelVerdicts, loadSocketFilter } from '@bpfleet/linux';
import { afterAll, expect, it } from 'vitest';
import { suiteRequires } from '../../environment/src/requirements.js';
import { printFigures } from '../figures.js';
import { compiledPrograms } from '../machines/compiled-programs.js';
import { machines, randomPacket, verdictOf } from '../machines/machines.js';
import { randomValidProgram } from '../machines/random-program.js';
import { Random, seedOfRun } from '../random.js';
import { shareWithin } from '../share.js';

const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS) || 1;
const PROGRAMS = 500 * ROUNDS;
const PACKETS = 25;

suiteRequires(
  'programs translated to eBPF',
  { machines: machines({ needsRoot: true }) },
  ({ machines: { libpcap, kernel } }) => {
    const seed = seedOfRun();
    afterAll(() => kernel.close());

    it.each(['compiled', 'random'] as const)(
      `decide in this kernel what the interpreter decides: %s ones (BPFLEET_TEST_SEED=${seed})`,
      (kind) => {
        const random = new Random(seed);
        const count = { pairs: 0, accepted: 0, redrawn: 0 };
        for (let round = 0; round < PROGRAMS; round++) {
          const program =
            kind === 'random'
              ? randomValidProgram(random, { ancillary: false })
              : (compiledPrograms(libpcap, random, 1)[0] as Program);
          attach(kernel, program);
          for (let index = 0; index < PACKETS; index++) {
            const packet = randomPacket(program, random, 1);
            const value = verdictOf(program, packet);
            if (value === undefined) {
              count.redrawn++;
              continue;
            }
            const inKernel = kernel.verdict(packet.bytes);
            count.pairs++;
            if (value !== 0) count.accepted++;
            if (inKernel !== Math.min(value, packet.wireLength)) {
              const hex = Buffer.from(packet.bytes).toString('hex');
              expect.fail(`seed ${seed}: ${value}, eBPF ${inKernel}\n${hex}\n${formatProgram(program, 'd')}`);
            }
          }
        }
        const accepted = count.accepted / count.pairs;
        printFigures(
          seed,
          `eBPF, ${kind}: ${count.pairs} (program, packet) pairs agree, ${PROGRAMS} programs, ` +
            `${(100 * accepted).toFixed(1)} % accepted, ${count.redrawn} left out for an indirect sum of 2^31 or more`,
        );
        const { least, most } = shareWithin(accepted, PROGRAMS);
        expect(most).toBeGreaterThan(0.1);
        expect(least).toBeLessThan(0.9);
      },
      60_000 * ROUNDS,
    );
  },
);

function attach(kernel: KernelVerdicts, program: Program): void {
  const fd = loadSocketFilter(encodeEbpf(toEbpf(program)));
  try {
    kernel.attachEbpf(fd);
  } finally {
    closeDescriptor(fd);
  }
}
