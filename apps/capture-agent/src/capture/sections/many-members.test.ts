import { createHash } from 'node:crypto';
import { decodeRecordHeaders, encodeRecordHeaders } from '@bpfleet/contract';
import { FakeRing } from '@bpfleet/linux';
import { readSection, SectionWriter } from '@bpfleet/section';
import { describe, expect, it } from 'vitest';
import type { CaptureMember } from '../../border/opener-port.js';
import { encodeRecord } from '../../spool/record.js';
import { Attribution } from '../attribution/attribution.js';
import { MemberLedger } from '../attribution/member-ledger.js';
import { memberOf } from '../attribution/testing/member.js';
import { InterfaceLane } from '../ring/interface-lane.js';
import { RingPacket } from '../ring/ring-packet.js';
import { noProgress } from './open-section.js';
import { SECTION_CAPACITY_BYTES, SectionAssembler } from './section-assembler.js';
import type { ClosedSection } from './section-sink.js';

/** As many as one desired state may have, each with the longest name, number and expression that a bundle may have. */
const MOST_MEMBERS = 1024;
const filterName = (number: number): string => `f${number}-`.padEnd(63, 'x');
const longest = (number: number): Partial<CaptureMember> => ({
  version: 999_999_999,
  digest: `sha256:${String(number).padStart(64, '0')}`,
  sampling: 1,
});
const members = (count: number, expression: string, first = 0): CaptureMember[] => {
  const { program } = memberOf('any', expression);
  return Array.from({ length: count }, (_, index) => ({
    ...memberOf(filterName(first + index), '', longest(first + index)),
    ...{ program, expression },
  }));
};

/** Takes one packet for each list of members, one every so many ms, and tells what sections they are in. */
function captured(all: readonly CaptureMember[][], everyMs = 1): ClosedSection[] {
  const closed: ClosedSection[] = [];
  const writer = new SectionWriter({ application: 'bpfleet', capacityBytes: SECTION_CAPACITY_BYTES });
  const sink = { write: (section: ClosedSection) => void closed.push({ ...section, bytes: section.bytes.slice() }) };
  const totals = () => ({ kernelPassed: 0, kernelDropped: 0, taken: 0 });
  const assembler = new SectionAssembler(writer, sink, totals, noProgress);
  const ledger = new MemberLedger();
  const device = { name: 'eth0', index: 1, linkType: 'EN10MB', cooked: false };
  const place = { socket: 1, blockSequence: 0, packets: 0 };
  const attributions = new Map<CaptureMember[], Attribution>();
  for (const [index, list] of all.entries()) {
    const attribution = attributions.get(list) ?? new Attribution(list, ledger.accountsOn('eth0'));
    attributions.set(list, attribution);
    const lane = new InterfaceLane(device, place, attribution, () => ({ passed: 0, dropped: 0 }));
    const ring = new FakeRing();
    ring.push([{ bytes: new Uint8Array(2000) }]);
    const block = ring.take()!;
    const packet = new RingPacket();
    packet.block = block;
    assembler.closeIfDue(index * everyMs);
    while (block.next()) assembler.take(lane, packet, attribution.attribute(packet), false, index * everyMs);
  }
  assembler.close();
  return closed;
}

/** What the spool, Kafka's headers and analytics do with it. */
function passedOn({ bytes, ...facts }: ClosedSection) {
  const header = { ...facts, agent: 'a'.repeat(26), epoch: 1 };
  const tally = { sections: 1, packets: 1 };
  encodeRecord(1, { ...header, closedAtMs: 1, boot: 1, closed: tally, spooled: tally }, bytes);
  return { section: readSection(bytes), filters: decodeRecordHeaders(encodeRecordHeaders(header)).filters };
}

const versionsOf = (list: readonly CaptureMember[]): string[] =>
  list.map(({ filter, version }) => `${filter}@${version}`);

/** Of long texts only this is shown where they differ. */
const digestOf = (text: string | undefined): string =>
  createHash('sha256')
    .update(text ?? '')
    .digest('hex');

describe('a packet that many members keep', () => {
  it('is stored with all their names and digests', () => {
    const list = members(MOST_MEMBERS, 'len >= 0');
    const [closed, ...more] = captured([list]);
    expect(more).toEqual([]);
    const { section, filters } = passedOn(closed!);
    const { description, digests } = section.interfaces[1]!;
    expect(digestOf(description)).toBe(digestOf(versionsOf(list).join(',')));
    expect(digestOf(digests)).toBe(digestOf(list.map(({ digest }) => digest).join(',')));
    expect(digestOf(filters.join(','))).toBe(digestOf(description));
    expect(section.packets).toBe(1);
  });

  it.each([1, 2])('is stored when %i of them have the longest expression there is, without those', (count) => {
    const expression = `len >= 0${' or len >= 1'.repeat(6000)}`.slice(0, 65_536);
    const list = members(count, 'len >= 0').map((one) => ({ ...one, expression }));
    const { section } = passedOn(captured([list])[0]!);
    expect(section.interfaces[1]).toEqual({
      ...{ name: 'eth0', linkType: 1, direction: 'in' },
      description: versionsOf(list).join(','),
      digests: list.map(({ digest }) => digest).join(','),
    });
  });

  it('has its counters in the ledgers of several sections, as far as each has room', () => {
    const list = members(MOST_MEMBERS, 'len >= 0');
    const sections = captured(Array<CaptureMember[]>(10).fill(list), 250);
    const told = sections.map(({ bytes }) =>
      Object.keys(readSection(bytes).ledger!).filter((key) => key.includes('@')),
    );
    expect(sections).toHaveLength(10);
    expect(new Set(told.flat()).size).toBe(MOST_MEMBERS);
    // Nobody is told of again before everybody was.
    expect(new Set(told.slice(0, 5).flat()).size).toBe(told.slice(0, 5).flat().length);
  });
});

describe('packets of more versions than a record can name', () => {
  it('are in several sections', () => {
    const lists = [0, 1, 2].map((round) => members(MOST_MEMBERS, 'len >= 0', round * MOST_MEMBERS));
    const read = captured(lists).map(passedOn);
    expect(read.map(({ section }) => section.packets).reduce((sum, packets) => sum + packets)).toBe(3);
    expect(new Set(read.flatMap(({ filters }) => filters)).size).toBe(3 * MOST_MEMBERS);
  });
});
