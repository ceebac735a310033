import { encodeProgram, formatProgram, interpret, jit, type Packet, type Program } from '@bpfleet/bpf';
import { KernelVerdicts, Libpcap } from '@bpfleet/linux';
import { afterAll, expect, it } from 'vitest';
import { type Requirement, suiteRequires } from '../../environment/src/requirements.js';
import { Random, seedOfRun } from '../random.js';
import { compiledPrograms, packetFor } from './compiled-programs.js';
import { randomValidProgram } from './random-program.js';

const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS) || 1;
const PROGRAMS = 1500 * ROUNDS;
const PACKETS = 20;

function machines(): Requirement<{ libpcap: Libpcap; kernel: KernelVerdicts }> {
  try {
    return { libpcap: Libpcap.open(), kernel: KernelVerdicts.open() };
  } catch (error) {
    return { unavailable: String(error) };
  }
}

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
          for (let tries = 0; tries < 10 && loadsAtNegativeOffset(program, packet); tries++) {
            count.redrawn++;
            packet = randomPacket(program, random);
          }
          // Some programs do so whatever the packet.
          if (loadsAtNegativeOffset(program, packet)) continue;
          const value = interpret(program, packet);
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
      console.info(
        `${kind}, seed ${seed}: ${count.pairs} (program, packet) pairs agree, ${PROGRAMS} programs, ` +
          `${((100 * count.accepted) / count.pairs).toFixed(1)} % accepted, ${count.redrawn} redrawn for an indirect sum ` +
          `of 2^31 or more, ${count.empty} packets of 0 bytes without the kernel`,
      );
      expect(count.accepted / count.pairs).toBeGreaterThan(0.1);
      expect(count.accepted / count.pairs).toBeLessThan(0.9);
    },
    60_000 * ROUNDS,
  );
});

function programOf(kind: 'compiled' | 'random', libpcap: Libpcap, random: Random): Program {
  if (kind === 'random') return randomValidProgram(random, { ancillary: false });
  return compiledPrograms(libpcap, random, 1)[0] as Program;
}

/** 0 to 1,600 bytes, noise or aimed at the program. */
function randomPacket(program: Program, random: Random): Packet {
  if (random.chance(50)) return packetFor(program, random);
  const wireLength = random.below(random.of([20, 100, 1601]));
  const bytes = Uint8Array.from({ length: wireLength }, () => random.below(256));
  return { bytes, start: 0, capturedLength: wireLength, wireLength };
}

/**
 * Whether [x + k] reaches 2^31 or more: there the kernel reads relative to headers that a Unix socket's packet does not have.
 * The interpreter asks for the packet's metadata only then, in programs without loads of metadata.
 */
function loadsAtNegativeOffset(program: Program, packet: Packet): boolean {
  let asked = false;
  const watched: Packet = {
    ...packet,
    get metadata(): never {
      asked = true;
      return undefined as never;
    },
  };
  interpret(program, watched);
  return asked;
}
