import { encodeEbpf, encodeProgram, formatProgram, interpret, type Packet, type Program } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { closeDescriptor, KernelVerdicts, Libpcap, loadSocketFilter } from '@bpfleet/linux';
import { type LinkMember, link } from '@bpfleet/pcap-filter';
import { afterAll, expect, it } from 'vitest';
import { type Requirement, suiteRequires } from '../../environment/src/requirements.js';
import { printFigures } from '../figures.js';
import { packetFor } from '../machines/compiled-programs.js';
import { whole } from '../packets/packets.js';
import { Random, seedOfRun } from '../random.js';
import { shareWithin } from '../share.js';
import { FeatureCount } from './features.js';
import { loadsAtNegativeOffset } from './indirect-sums.js';
import { packetAtLoadEnd } from './load-ends.js';
import { MemberPool } from './member-pool.js';
import { ENDPOINTS, isOwnTraffic, ownFrame } from './own-frames.js';

const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS) || 1;
const SETS = 20 * ROUNDS;
/** Programs of each kind that sets are drawn from; a new pool after so many sets. */
const POOL = 120;
const SETS_A_POOL = 40;
const MOST_MEMBERS = 50;
/** Of each set's packets: every length up to 80 twice, forty of any, and those cut at the end of a member's load. */
const EVERY_LENGTH = Array.from({ length: 81 }, (_, length) => length);
const LENGTHS = [
  ...EVERY_LENGTH,
  ...EVERY_LENGTH,
  ...new Array<undefined>(40).fill(undefined),
  ...new Array<'load end'>(80).fill('load end'),
];
type Length = (typeof LENGTHS)[number];
const DRAWS = 10;

function machines(): Requirement<{ libpcap: Libpcap; sockets: Sockets }> {
  if (process.getuid?.() !== 0) return { unavailable: 'loading eBPF needs root' };
  try {
    return { libpcap: Libpcap.open(), sockets: new Sockets() };
  } catch (error) {
    return { unavailable: String(error) };
  }
}

/** One socket for each member's own program, and one for each form of the linked one. */
class Sockets {
  readonly members = Array.from({ length: MOST_MEMBERS }, () => KernelVerdicts.open());
  readonly classic = KernelVerdicts.open();
  readonly ebpf = KernelVerdicts.open();

  close(): void {
    for (const socket of [...this.members, this.classic, this.ebpf]) socket.close();
  }
}

/** A set and what was made of it. */
interface LinkedSet {
  readonly members: readonly LinkMember[];
  readonly excludes: boolean;
  readonly classic: Program;
}

suiteRequires('linked programs', { machines: machines() }, ({ machines: { libpcap, sockets } }) => {
  const seed = seedOfRun();
  afterAll(() => sockets.close());

  it(
    `accept in this kernel what one of their members accepts (BPFLEET_TEST_SEED=${seed})`,
    () => {
      const random = new Random(seed);
      const count = {
        pairs: 0,
        accepted: 0,
        own: 0,
        empty: 0,
        redrawn: 0,
        leftOut: 0,
        members: 0,
        tooLarge: 0,
        excluding: 0,
      };
      const features = new FeatureCount();
      let pool = new MemberPool(libpcap, random, POOL);
      for (let round = 0; round < SETS; round++) {
        if (round % SETS_A_POOL === SETS_A_POOL - 1) pool = new MemberPool(libpcap, random, POOL);
        const set = attachSet(pool.set(random), random, sockets);
        if (set === undefined) {
          count.tooLarge++;
          continue;
        }
        count.members += set.members.length;
        features.add(set.members);
        if (set.excludes) count.excluding++;
        for (const length of LENGTHS) {
          const packet = drawn(set, length, random, count);
          if (packet === undefined) continue;
          const { bytes } = packet;
          const expected = expectedOf(set, packet, sockets);
          const [inClassic, inEbpf] = linkedVerdicts(set, packet, sockets);
          count.pairs++;
          if (expected.accepts) count.accepted++;
          if (expected.isOwn) count.own++;
          if (bytes.length === 0) count.empty++;
          if (inClassic !== expected.accepts || inEbpf !== expected.accepts) {
            const verdicts = `one member ${expected.accepts}, linked ${inClassic}, as eBPF ${inEbpf}`;
            expect.fail(`seed ${seed}, set ${round}: ${verdicts}\n${reproduction(set, bytes)}`);
          }
        }
      }
      const accepted = count.accepted / count.pairs;
      printFigures(
        seed,
        `linked: ${count.pairs} (set, packet) pairs agree, as cBPF and as eBPF; ${SETS} sets of ` +
          `${(count.members / SETS).toFixed(1)} members (${features}), ${count.excluding} sets excluding own traffic (${count.own} packets of ` +
          `it), ${(100 * accepted).toFixed(1)} % accepted, ${count.redrawn} drawn again for an indirect sum of 2^31 or more, ${count.leftOut} lengths left out for it, ` +
          `${count.empty} packets of 0 bytes without the kernel, ${count.tooLarge} sets too large for the socket`,
      );
      expect(accepted).toBeGreaterThan(0);
      expect(accepted).toBeLessThan(1);
      const { least, most } = shareWithin(accepted, SETS);
      expect(most).toBeGreaterThan(0.1);
      expect(least).toBeLessThan(0.9);
      expect(shareWithin(count.tooLarge / SETS, SETS).least).toBeLessThan(0.1);
    },
    120_000 * ROUNDS,
  );
});

/** Attaches the members and what they are linked to; undefined where the kernel has no room (net.core.optmem_max). */
function attachSet(members: readonly LinkMember[], random: Random, sockets: Sockets): LinkedSet | undefined {
  const excludes = random.chance(50);
  const excluded = excludes ? ENDPOINTS : [];
  const request = { linkerVersion: 1, linkType: 'EN10MB', members, excluded };
  try {
    const classic = link({ ...request, target: 'cbpf' }).program;
    const other = { members: shuffled(members, random), excluded: shuffled(excluded, random) };
    expect(link({ ...request, ...other, target: 'cbpf' }).program).toEqual(classic);
    sockets.classic.attach(encodeProgram(classic));
    attachEbpf(sockets.ebpf, encodeEbpf(link({ ...request, target: 'ebpf' }).program));
    members.forEach(({ program }, index) => void sockets.members[index]?.attach(encodeProgram(program)));
    return { members, excludes, classic };
  } catch (error) {
    if (isTooLarge(error)) return undefined;
    throw error;
  }
}

function isTooLarge(error: unknown): boolean {
  if (error instanceof BpfleetError && error.code === 'FILTER_TOO_LARGE') return true;
  return error instanceof Error && 'errno' in error && error.errno === 'ENOMEM';
}

function attachEbpf(socket: KernelVerdicts, program: Uint8Array): void {
  const fd = loadSocketFilter(program);
  try {
    socket.attachEbpf(fd);
  } finally {
    closeDescriptor(fd);
  }
}

/**
 * A packet of some length, or of any; drawn again where a member's [x + k] reaches 2^31 or more, and left out where a member
 * has that on every packet of the length.
 */
function drawn(
  set: LinkedSet,
  length: Length,
  random: Random,
  count: { redrawn: number; leftOut: number },
): Packet | undefined {
  for (let attempt = 0; attempt < DRAWS; attempt++) {
    const packet = whole(bytesOf(set, length, random));
    if (!set.members.some(({ program }) => loadsAtNegativeOffset(program, packet))) return packet;
    count.redrawn++;
  }
  count.leftOut++;
  return undefined;
}

function bytesOf(set: LinkedSet, length: Length, random: Random): Uint8Array {
  if (length === undefined) return packetOf(set, random);
  if (length === 'load end') return packetAtLoadEnd(set.members, random, () => packetOf(set, random));
  return fitted(packetOf(set, random), length, random);
}

/** Aimed at a member, of own traffic, or noise. */
function packetOf({ members, excludes }: LinkedSet, random: Random): Uint8Array {
  if (excludes && random.chance(40)) return ownFrame(random);
  if (random.chance(70)) return packetFor(random.of(members).program, random, 1).bytes.slice();
  return Uint8Array.from({ length: 1 + random.below(random.of([100, 1600])) }, () => random.below(256));
}

function fitted(bytes: Uint8Array, length: number, random: Random): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => bytes[at] ?? random.below(256));
}

interface Expected {
  readonly accepts: boolean;
  readonly isOwn: boolean;
}

/** By the verdicts of this kernel on each member's own program; an empty packet only the interpreter can decide. */
function expectedOf(set: LinkedSet, packet: Packet, sockets: Sockets): Expected {
  const verdict = (socket: KernelVerdicts, program: Program) =>
    packet.wireLength === 0 ? interpret(program, packet) : socket.verdict(packet.bytes);
  const isOwn = set.excludes && isOwnTraffic(packet);
  const verdicts = set.members.map(({ program }, index) => verdict(sockets.members[index] as KernelVerdicts, program));
  const accepts = verdicts.some((value, index) => value !== 0 && (!isOwn || set.members[index]?.includeOwnTraffic));
  return { accepts, isOwn };
}

function linkedVerdicts(set: LinkedSet, packet: Packet, sockets: Sockets): [boolean, boolean] {
  if (packet.wireLength === 0) {
    const accepts = interpret(set.classic, packet) !== 0;
    return [accepts, accepts];
  }
  return [sockets.classic.verdict(packet.bytes) !== 0, sockets.ebpf.verdict(packet.bytes) !== 0];
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  return items
    .map((item) => ({ item, at: random.below(2 ** 32) }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item);
}

function reproduction({ members, classic }: LinkedSet, bytes: Uint8Array): string {
  const programs = members.map(
    ({ digest, program, includeOwnTraffic }) =>
      `${digest}${includeOwnTraffic ? ', own traffic too' : ''}\n${formatProgram(program, 'd')}`,
  );
  return `${Buffer.from(bytes).toString('hex')}\n${programs.join('\n')}\nlinked\n${formatProgram(classic, 'd')}`;
}
