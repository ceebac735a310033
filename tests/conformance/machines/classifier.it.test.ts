import { formatProgram, interpret, jitAll, type Packet, type Program, UNDECIDED } from '@bpfleet/bpf';
import { Libpcap } from '@bpfleet/linux';
import { expect, it } from 'vitest';
import { type Requirement, suiteRequires } from '../../environment/src/requirements.js';
import { printFigures } from '../figures.js';
import { Random, seedOfRun } from '../random.js';
import { shareWithin } from '../share.js';
import { compiledPrograms } from './compiled-programs.js';
import { randomPacket } from './machines.js';
import { randomValidProgram } from './random-program.js';

const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS) || 1;
const SETS = 150 * ROUNDS;
const PACKETS = 60;
const TCP = 6;
const UDP = 17;

const openLibpcap = (): Requirement<Libpcap> => {
  try {
    return Libpcap.open();
  } catch (error) {
    return { unavailable: String(error) };
  }
};

suiteRequires('many programs as one function', { libpcap: openLibpcap() }, ({ libpcap }) => {
  const seed = seedOfRun();

  it(
    `say what each says alone, of packets whose kind decides much and of others (BPFLEET_TEST_SEED=${seed})`,
    () => {
      const random = new Random(seed);
      const count = { verdicts: 0, accepted: 0, undecided: 0, ofKind: 0 };
      for (let set = 0; set < SETS; set++) {
        const programs = programsOf(random, libpcap);
        const classify = jitAll(programs);
        const hits = new Int32Array(programs.length);
        for (let index = 0; index < PACKETS; index++) {
          const packet = packetOfAnyKind(random.of(programs), random);
          const { bytes, start, capturedLength, wireLength, metadata } = packet;
          const found = [...hits.subarray(0, classify(bytes, start, capturedLength, wireLength, metadata, hits))];
          const expected = programs.flatMap((program, number) => {
            const verdict = interpret(program, packet);
            count.verdicts++;
            if (verdict === UNDECIDED) count.undecided++;
            else if (verdict !== 0) count.accepted++;
            return verdict === 0 ? [] : [verdict === UNDECIDED ? ~number : number];
          });
          if (bytes[start + 12] === 8 && bytes[start + 14] === 0x45 && capturedLength >= 54) count.ofKind++;
          if (found.join() !== expected.join()) fail(packet, programs, found, expected);
        }
      }
      const { verdicts, accepted, undecided, ofKind } = count;
      printFigures(
        seed,
        `${verdicts} verdicts agree: ${accepted} accepted, ${undecided} undecided; ${ofKind} packets of a kind`,
      );
      expect(accepted).toBeGreaterThan(0);
      expect(shareWithin(accepted / verdicts, SETS).most).toBeGreaterThan(0.1);
      expect(undecided).toBeGreaterThan(SETS);
      expect(shareWithin(ofKind / (SETS * PACKETS), SETS).most).toBeGreaterThan(0.25);
    },
    60_000 * ROUNDS,
  );
});

function programsOf(random: Random, libpcap: Libpcap): Program[] {
  const compiled = compiledPrograms(libpcap, random, 2 + random.below(8));
  const others = Array.from({ length: 2 + random.below(4) }, () => randomValidProgram(random, { ancillary: true }));
  return [...compiled, ...others].sort(() => random.below(2) - 0.5);
}

/** Mostly TCP and UDP over IPv4 on Ethernet, and what is nearly that; somewhere in a buffer, cut or whole. */
function packetOfAnyKind(program: Program, random: Random): Packet {
  const { bytes: made } = randomPacket(program, random, 1);
  const start = random.below(20);
  const bytes = Uint8Array.from({ length: start + Math.max(made.length, 24 + random.below(80)) + 8 }, () =>
    random.below(256),
  );
  bytes.set(made, start);
  if (random.chance(80)) {
    bytes.set([8, 0, random.chance(90) ? 0x45 : 0x46], start + 12);
    if (random.chance(90)) bytes.set([random.of([0, 0x40, 0x20]), 0], start + 20);
    if (random.chance(90)) bytes[start + 23] = random.of([TCP, UDP]);
  }
  const capturedLength = Math.min(bytes.length - start, random.of([made.length, 34, 41, 42, 53, 54, 60, 1000]));
  const metadata = {
    ...{ protocol: 0x800, packetType: random.below(5), interfaceIndex: 1 + random.below(3) },
    ...{ vlanTagPresent: random.chance(50), vlanTci: random.below(4), vlanProtocol: 0x8100 },
    ...{ hardwareType: 1, addressLength: 6, addressStart: 0 },
  };
  return {
    bytes,
    start,
    capturedLength,
    wireLength: capturedLength + (random.chance(50) ? random.below(60) : 0),
    metadata,
  };
}

function fail(
  packet: Packet,
  programs: readonly Program[],
  found: readonly number[],
  expected: readonly number[],
): void {
  const { bytes, start, capturedLength, wireLength } = packet;
  const hex = Buffer.from(bytes.subarray(start, start + capturedLength)).toString('hex');
  const wrong = programs.findIndex(
    (_, at) => found.includes(at) !== expected.includes(at) || found.includes(~at) !== expected.includes(~at),
  );
  expect.fail(
    `found ${found}, expected ${expected}, of ${wireLength}: ${hex}\n${wrong}\n${formatProgram(programs[wrong]!, 'd')}`,
  );
}
