import { encodeEbpf, formatProgram, interpret, type Packet, type Program, toEbpf } from '@bpfleet/bpf';
import { closeDescriptor, KernelVerdicts, Libpcap, loadSocketFilter } from '@bpfleet/linux';
import { afterAll, expect, it } from 'vitest';
import { type Requirement, suiteRequires } from '../../environment/src/requirements.js';
import { compiledPrograms, packetFor } from '../machines/compiled-programs.js';
import { randomValidProgram } from '../machines/random-program.js';
import { Random, seedOfRun } from '../random.js';

const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS) || 1;
const PROGRAMS = 500 * ROUNDS;
const PACKETS = 25;

function machines(): Requirement<{ libpcap: Libpcap; kernel: KernelVerdicts }> {
  if (process.getuid?.() !== 0) return { unavailable: 'loading eBPF needs root' };
  try {
    return { libpcap: Libpcap.open(), kernel: KernelVerdicts.open() };
  } catch (error) {
    return { unavailable: String(error) };
  }
}

suiteRequires('programs translated to eBPF', { machines: machines() }, ({ machines: { libpcap, kernel } }) => {
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
          const packet = randomPacket(program, random);
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
      console.info(
        `eBPF, ${kind}, seed ${seed}: ${count.pairs} (program, packet) pairs agree, ${PROGRAMS} programs, ` +
          `${(100 * accepted).toFixed(1)} % accepted, ${count.redrawn} left out for an indirect sum of 2^31 or more`,
      );
      expect(accepted).toBeGreaterThan(0.1);
      expect(accepted).toBeLessThan(0.9);
    },
    60_000 * ROUNDS,
  );
});

function attach(kernel: KernelVerdicts, program: Program): void {
  const fd = loadSocketFilter(encodeEbpf(toEbpf(program)));
  try {
    kernel.attachEbpf(fd);
  } finally {
    closeDescriptor(fd);
  }
}

/** 1 to 1,600 bytes, noise or aimed at the program. */
function randomPacket(program: Program, random: Random): Packet {
  if (random.chance(50)) return packetFor(program, random, 1);
  const wireLength = 1 + random.below(random.of([20, 100, 1600]));
  const bytes = Uint8Array.from({ length: wireLength }, () => random.below(256));
  return { bytes, start: 0, capturedLength: wireLength, wireLength };
}

/** The interpreter's verdict; undefined where [x + k] reaches 2^31 or more and it asks for headers. */
function verdictOf(program: Program, packet: Packet): number | undefined {
  let asked = false;
  const watched: Packet = {
    ...packet,
    get metadata(): never {
      asked = true;
      return undefined as never;
    },
  };
  const value = interpret(program, watched);
  return asked ? undefined : value;
}
