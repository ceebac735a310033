import { createHash } from 'node:crypto';
import { webAssembly } from '@bpfleet/bpf';
import { FakeRing, PacketType, type RingPacket, WakeUp } from '@bpfleet/linux';
import { forEachPacket, readSection, SectionWriter, sectionOf } from '@bpfleet/section';
import { afterAll, describe, expect, it } from 'vitest';
import type { CaptureMember } from '../../../border/opener-port.js';
import { randomFrame, randomNumbers } from '../../../testing/random-frames.js';
import { Attribution } from '../../attribution/attribution.js';
import { MemberLedger } from '../../attribution/member-ledger.js';
import { memberOf } from '../../attribution/testing/member.js';
import { OpenSection } from '../../sections/open-section.js';
import { SECTION_CAPACITY_BYTES, SectionAssembler } from '../../sections/section-assembler.js';
import type { ClosedSection } from '../../sections/section-sink.js';
import { RingLane } from '../ring-lane.js';
import { RingReader } from '../ring-reader.js';
import { device } from '../testing/capture-session-rig.js';
import { RunCopier } from './run-copier.js';

const SEED = Number(process.env.BPFLEET_TEST_SEED ?? Date.now() % 1e8);
const GEOMETRY = { blockBytes: 1 << 18, blockCount: 2 };
const PAGES = { initial: 32, maximum: 32 };
const RING_AT = 1 << 20;
const RESULTS_AT = RING_AT + GEOMETRY.blockBytes * GEOMETRY.blockCount;

interface Kind {
  readonly title: string;
  readonly members: readonly CaptureMember[];
  readonly skipOutgoing: boolean;
}

const wakeUp = WakeUp.create();
afterAll(() => wakeUp.close());

/** The way of a socket's packets from its ring into sections, with a copier or without. */
class Way {
  nowMs = 0;
  /** How many packets the copier was given at once. */
  readonly runs: number[] = [];
  readonly ring: FakeRing;
  readonly #sections: unknown[] = [];
  readonly #memory = new webAssembly.Memory(PAGES);
  readonly #assembler: SectionAssembler;
  readonly #reader: RingReader;
  readonly #lane: RingLane;
  readonly #attribution: Attribution;

  constructor(copies: boolean, { members, skipOutgoing }: Kind) {
    this.ring = new FakeRing(GEOMETRY, { skipOutgoing });
    const open = new OpenSection(this.#memory.buffer);
    open.take(1);
    const origin = { hardware: 'x86_64', operatingSystem: 'Linux', application: 'bpfleet' };
    const writer = new SectionWriter({ ...origin, capacityBytes: SECTION_CAPACITY_BYTES, buffer: open.buffer });
    const totals = () => ({ kernelPassed: 0, kernelDropped: 0, taken: this.#assembler.taken });
    const sink = { write: (section: ClosedSection) => this.#keep(section) };
    // What totals are asked for is there by then.
    this.#assembler = new SectionAssembler(writer, sink, totals, open);
    this.#reader = new RingReader(this.#assembler, wakeUp, () => this.nowMs);
    const copier = copies ? new RunCopier(this.#memory, 0, RING_AT, RESULTS_AT) : undefined;
    const { ring } = this;
    const counted = () => ({ passed: 0, dropped: 0 });
    this.#lane = new RingLane(
      { id: 1, isShared: false, cooked: false, isOwnSocket: false },
      { fd: wakeUp.fd, ring, statistics: counted, takeError: () => undefined, close: () => {}, copier },
    );
    const ledger = new MemberLedger();
    this.#reader.betweenBlocks = (nowMs) => ledger.turn(nowMs);
    this.#attribution = new Attribution(members, ledger.accountsOn('eth1'));
    this.#lane.interfaces.put(device(1), this.#attribution);
    if (copier === undefined) return;
    const { copy, copyPlanned } = copier;
    copier.copy = (run, target) => {
      this.runs.push(run.packets);
      return copy.call(copier, run, target);
    };
    copier.copyPlanned = (...places) => {
      this.runs.push(copier.plan.packets);
      return copyPlanned.apply(copier, places);
    };
  }

  read(packets: readonly RingPacket[]): void {
    if (!this.ring.push(packets)) throw new Error('the ring is full');
    new Uint8Array(this.#memory.buffer, RING_AT).set(new Uint8Array(this.ring.memory));
    this.#reader.drain(this.#lane);
  }

  /** All that can be seen: sections, and what a process after this one would find. */
  get outcome() {
    const left = new OpenSection(this.#memory.buffer.slice(0, OpenSection.sizeBytes(SECTION_CAPACITY_BYTES))).left();
    const blocks = left?.isReadable ? contentOf(sectionOf({}, {}, left.blocks)) : undefined;
    const counters = this.#attribution.members.map((member) => member.counters);
    const { place, interfaces } = this.#lane;
    return { sections: this.#sections, left: { ...left, blocks }, taken: interfaces.taken, place, counters };
  }

  #keep({ bytes, ...section }: ClosedSection): void {
    const { crc32: _, ...rest } = section;
    const isOfOne = this.#attribution.members.length === 1;
    this.#sections.push({ ...rest, content: contentOf(bytes), bytes: isOfOne ? digestOf(bytes) : bytes.length });
  }
}

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What a section says, wherever its interface blocks stand: they may come before packets that need none of them. */
function contentOf(section: Uint8Array) {
  const packets = createHash('sha256');
  forEachPacket(section, ({ index, interfaceId, atNs, start, capturedLength, wireLength, flags }) => {
    packets.update([index, interfaceId, atNs, capturedLength, wireLength, flags].join(' '));
    packets.update(section.subarray(start, start + capturedLength));
    return true;
  });
  return { ...readSection(section), packets: packets.digest('hex') };
}

/** As the kernel fills a block: some packets cut, tagged, going out, and of every length. */
function randomBlock(random: (below: number) => number, startNs: number): RingPacket[] {
  let leftBytes = GEOMETRY.blockBytes - 4096;
  const packets: RingPacket[] = [];
  for (let ns = startNs; ; ns += random(3) * 1000 - 500) {
    const frame =
      random(20) === 0 ? Uint8Array.from({ length: random(20_000) }, () => random(256)) : randomFrame(random);
    const bytes = random(8) === 0 ? frame.subarray(0, random(frame.length + 1)) : frame;
    leftBytes -= bytes.length + 256;
    if (leftBytes < 0) return packets;
    packets.push({
      bytes,
      wireLength: frame.length,
      seconds: 1_700_000_000 + Math.floor(ns / 1e9),
      nanoseconds: ns % 1e9,
      packetType: random(4) === 0 ? PacketType.outgoing : PacketType.host,
      ...(random(30) === 0 ? { vlan: { tci: random(4096), tpid: 0x8100 } } : {}),
    });
  }
}

const one = (expression: string, snaplenBytes: number) => [memberOf('some', expression, { snaplenBytes })];
const many = Array.from({ length: 30 }, (_, number) =>
  memberOf(`few-${number}`, `ip[${number}] & ${number < 4 ? 1 : 255} = 1`, { snaplenBytes: 40 + 50 * number }),
);
const limited = [
  memberOf('sampled', 'tcp', { sampling: 3, snaplenBytes: 262_144 }),
  memberOf('limited', 'udp', { budget: { packetsPerSecond: 900, bytesPerSecond: 0 } }),
  memberOf('web', 'port 80 or port 443', { snaplenBytes: 54 }),
];
const kinds: Kind[] = [
  { title: 'all, 96 bytes', members: one('', 96), skipOutgoing: false },
  { title: 'all, whole, of what comes in', members: one('', 262_144), skipOutgoing: true },
  { title: 'most of what comes in, 54 bytes', members: one('tcp or udp', 54), skipOutgoing: true },
  { title: 'most, 1,000 bytes', members: one('not port 53 and greater 60', 1000), skipOutgoing: false },
  { title: 'of thirty filters', members: many, skipOutgoing: false },
  { title: 'of thirty filters, of what comes in', members: many, skipOutgoing: true },
  { title: 'of thirty filters and one for all', members: [...many, ...one('', 96)], skipOutgoing: false },
  { title: 'of filters that sample or have a budget', members: limited, skipOutgoing: false },
];

describe(`packets that are copied in runs (BPFLEET_TEST_SEED=${SEED})`, () => {
  it.each(kinds)('are in sections as those that are taken one by one: $title', (kind) => {
    const random = randomNumbers(SEED);
    const [alone, inRuns] = [new Way(false, kind), new Way(true, kind)];
    for (let round = 0, ns = 1e9; round < 40; round++, ns += 1e7) {
      const packets = randomBlock(random, ns);
      const nowMs = alone.nowMs + random(120);
      for (const way of [alone, inRuns]) {
        way.nowMs = nowMs;
        way.read(packets);
      }
      expect(inRuns.outcome).toEqual(alone.outcome);
    }
    expect(alone.outcome.sections.length).toBeGreaterThan(1);
    expect(alone.runs).toEqual([]);
    expect(Math.max(...inRuns.runs)).toBeGreaterThan(2);
  });

  it('are in sections as those taken one by one where more follow each other than a plan has room for', () => {
    const members = [...one('', 96), memberOf('udp', 'udp')];
    const kind = { title: '', members, skipOutgoing: false };
    const [alone, inRuns] = [new Way(false, kind), new Way(true, kind)];
    const random = randomNumbers(SEED);
    const packets = Array.from({ length: 1400 }, (_, index) => {
      const bytes = Uint8Array.from({ length: 60 }, () => random(256));
      return { bytes, seconds: 1_700_000_000, nanoseconds: index, packetType: PacketType.host };
    });
    for (const way of [alone, inRuns]) way.read(packets);
    expect(inRuns.outcome).toEqual(alone.outcome);
    expect(inRuns.runs).toEqual([1024, 376]);
  });
});
