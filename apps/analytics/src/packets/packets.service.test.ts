import {
  type Completeness,
  formatInstantNs,
  PacketAnswer,
  PacketDetail,
  PacketQuery,
  packetMediaTypes,
} from '@bpfleet/contract';
import { LinkType } from '@bpfleet/packet';
import { readCapture } from '@bpfleet/section';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryLedger } from '../ledger/memory-ledger.js';
import { VersionTable } from '../registry/known-versions.js';
import { makeSection, NOW_MS, NOW_NS, type SectionShape, storedSection, tcpFrame } from '../testing/sections.js';
import { HELD_BYTES, MOST_SCANS } from './config.js';
import { MemorySections } from './memory-sections.js';
import { type PacketMediaType, PacketsService } from './packets.service.js';

const { json, ndjson, pcapng, pcap } = packetMediaTypes;
const SECOND_NS = 1_000_000_000n;
const webVersion = {
  filter: 'web',
  version: 3,
  digest: `sha256:${'0'.repeat(64)}`,
  expression: 'udp or tcp dst port 80',
  snaplenBytes: 96,
  programs: [],
};
const shape = { agent: 'host-1', epoch: 1, filter: 'web@3' } as const;

let source: MemorySections;
let ledger: MemoryLedger;
let service: PacketsService;
let seq: number;
beforeEach(() => {
  source = new MemorySections();
  ledger = new MemoryLedger();
  service = new PacketsService(source, ledger, new VersionTable([webVersion]));
  seq = 0;
});

function store(rest: Partial<SectionShape> & Pick<SectionShape, 'atNs'>): void {
  source.stored.push(storedSection(makeSection({ ...shape, seq: seq++, ...rest })));
}
/** Times in s before now. */
const ago = (...seconds: number[]): bigint[] => seconds.map((one) => NOW_NS - BigInt(one) * SECOND_NS);

async function ask(query: Partial<PacketQuery>, mediaType: PacketMediaType) {
  const { signal } = new AbortController();
  const stream = await service.answer(PacketQuery.parse(query), mediaType, NOW_MS, signal);
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream.body) chunks.push(chunk);
  return { ...stream, bytes: Buffer.concat(chunks) };
}
const rows = async (query: Partial<PacketQuery> = {}) =>
  PacketAnswer.parse(JSON.parse((await ask(query, json)).bytes.toString()));
const times = async (query: Partial<PacketQuery> = {}) => (await rows(query)).packets.map(({ at }) => at);
const file = async (query: Partial<PacketQuery> = {}, mediaType: PacketMediaType = pcapng) => {
  const { bytes, trailer } = await ask(query, mediaType);
  return { packets: [...readCapture(bytes)], completeness: (await trailer?.()) as Completeness };
};
const formatted = (atNs: readonly bigint[]): string[] => atNs.map(formatInstantNs);

describe('PacketsService: rows', () => {
  it('answers the newest first, 100 when no limit is named', async () => {
    store({ atNs: Array.from({ length: 150 }, (_, index) => NOW_NS - BigInt(index + 1) * 1000n) });
    const answer = await rows();
    expect(answer.packets).toHaveLength(100);
    expect(answer.packets[0]?.at).toBe(formatInstantNs(NOW_NS - 1000n));
    expect(answer.completeness.rangeScanned).toBe(false);
  });
  it('names each packet and shows where it was captured and what it is', async () => {
    store({ atNs: ago(2, 1), interface: 'eth7', agent: 'host.1', epoch: 4 });
    const [first, second] = (await rows()).packets;
    expect(first).toEqual({
      id: 'host.1.4.0.1',
      at: '2026-11-22T09:59:59.000000000Z',
      agent: 'host.1',
      interface: 'eth7',
      filters: ['web@3'],
      linkType: 'EN10MB',
      lengthBytes: 62,
      capturedBytes: 62,
      protocol: 'tcp',
      source: '10.0.0.1',
      sourcePort: 1025,
      destination: '10.0.0.2',
      destinationPort: 80,
      summary: expect.stringContaining('10.0.0.1.1025 > 10.0.0.2.80'),
    });
    expect(second?.id).toBe('host.1.4.0.0');
  });
  it('takes packets from since on and before until', async () => {
    store({ atNs: ago(30, 20, 10) });
    expect(await times({ since: '-20s', until: '-10s' })).toEqual(formatted(ago(20)));
    expect(await times({ since: '2026-11-22T09:59:50Z' })).toEqual(formatted(ago(10)));
    expect(await times({ since: '-5s' })).toEqual([]);
  });
  it('takes a range as narrow as the times it shows', async () => {
    store({ atNs: [NOW_NS - 1000n, NOW_NS - 700n, NOW_NS - 300n] });
    const [newest, middle] = await times();
    expect(await times({ since: middle!, until: newest! })).toEqual([middle]);
  });
  it('selects by agent and by the filter that stored a packet', async () => {
    store({ atNs: ago(4) });
    store({ atNs: ago(3), agent: 'host-2' });
    store({ atNs: ago(2), filter: 'web@4' });
    store({ atNs: ago(1), filter: 'webmail@3' });
    expect(await times({ agent: 'host-2' })).toEqual(formatted(ago(3)));
    expect(await times({ version: 'web' })).toEqual(formatted(ago(2, 3, 4)));
    expect(await times({ version: 'web@4' })).toEqual(formatted(ago(2)));
  });
  it('selects by link type', async () => {
    store({ atNs: ago(2) });
    store({ atNs: ago(1), linkType: LinkType.LINUX_SLL });
    expect(await times({ linktype: 'linux_sll' })).toEqual(formatted(ago(1)));
  });
  it('stops reading when the newest packets are found, and says that it did', async () => {
    for (let second = 1; second <= 10; second++) store({ atNs: ago(second) });
    const { packets, completeness } = await rows({ limit: 3 });
    expect(packets).toHaveLength(3);
    expect(source.read).toBe(4);
    expect(completeness).toMatchObject({ sectionsScanned: 3, packetsScanned: 3, rangeScanned: false });
  });
  it('says that all was scanned when no matching packet is left out', async () => {
    store({ atNs: ago(2, 1) });
    expect((await rows({ limit: 3 })).completeness.rangeScanned).toBe(true);
    expect((await rows({ limit: 1 })).completeness).toMatchObject({ rangeScanned: false, stoppedBy: 'limit' });
  });
  it('tells what is missing', async () => {
    ledger.known = { recordsQuarantined: 2, droppedByKernel: 4 };
    store({ atNs: ago(9) });
    expect((await rows()).completeness).toMatchObject({ recordsQuarantined: 2, droppedByKernel: 4, lostByAgents: 0 });
  });
  it('ends NDJSON with the completeness', async () => {
    store({ atNs: ago(2, 1) });
    const lines = (await ask({}, ndjson)).bytes.toString().trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(JSON.parse(lines[0]!)).toMatchObject({ at: formatted(ago(1))[0] });
    expect(JSON.parse(lines[2]!)).toMatchObject({ completeness: { packetsScanned: 2, rangeScanned: true } });
  });
  it('answers nothing as a whole answer', async () => {
    expect(await rows()).toMatchObject({ packets: [], completeness: { sectionsScanned: 0, rangeScanned: true } });
  });
  it.each([
    ['no limit', { limit: 0 }, /limit=0/],
    ['a range that ends before it begins', { since: 'now', until: '-1h' }, /empty/],
    ['a time that is none', { since: 'yesterday' }, /not a time/],
    ['a version that is none', { version: 'web@' }, /not a filter/],
    ['a link type that is none', { linktype: 'ETHERNET' }, /not a link type/],
  ])('refuses %s', async (_name, query, message) => {
    await expect(ask(query, json)).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      message: expect.stringMatching(message),
    });
  });
});

/** A database that gives one section and then is slow. */
class SlowSections extends MemorySections {
  override async *sections(query: Parameters<MemorySections['sections']>[0], signal?: AbortSignal) {
    for await (const section of super.sections(query)) {
      yield section;
      await new Promise((resolve) => signal?.addEventListener('abort', resolve));
      signal?.throwIfAborted();
    }
  }
}

describe('PacketsService: budgets', () => {
  beforeEach(() => {
    source = new SlowSections();
    service = new PacketsService(source, ledger, new VersionTable());
  });
  const slowFile = { timeoutMs: 20, linktype: 'EN10MB' };

  it('answers what it has found when the time is up, and says so', async () => {
    store({ atNs: ago(1) });
    store({ atNs: ago(2) });
    const { packets, completeness } = await rows({ timeoutMs: 20 });
    expect(packets.map(({ at }) => at)).toEqual(formatted(ago(1)));
    expect(completeness).toMatchObject({ packetsScanned: 1, rangeScanned: false, stoppedBy: 'time' });
  });
  it('ends a capture file when the time is up, and says so behind it', async () => {
    store({ atNs: ago(1) });
    store({ atNs: ago(2) });
    const { packets, completeness } = await file(slowFile);
    expect(packets.map(({ atNs }) => atNs)).toEqual(ago(2));
    expect(completeness).toMatchObject({ rangeScanned: false, stoppedBy: 'time' });
  });
  it('writes a file in the time that is left when the search for its link types takes too long', async () => {
    store({ atNs: ago(1) });
    store({ atNs: ago(2) });
    store({ atNs: ago(3), linkType: LinkType.RAW });
    const reads = source.sections.bind(source);
    source.sections = (query, signal) =>
      query.order === 'newest' ? reads(query, signal) : MemorySections.prototype.sections.call(source, query, signal);
    const { packets, completeness } = await file({ timeoutMs: 1000 });
    // Of the link type that was found; there may be others.
    expect(packets.map(({ atNs }) => atNs)).toEqual(ago(2, 1));
    expect(completeness).toMatchObject({ sectionsScanned: 3, rangeScanned: false, stoppedBy: 'time' });
  });
  it('writes the newest packets that it has found in time', async () => {
    store({ atNs: ago(1) });
    store({ atNs: ago(2) });
    const reads = source.sections.bind(source);
    // Slow at the first reading alone.
    source.sections = (query, signal) =>
      query.order === 'newest' ? reads(query, signal) : MemorySections.prototype.sections.call(source, query, signal);
    const { packets, completeness } = await file({ ...slowFile, limit: 5 });
    expect(packets.map(({ atNs }) => atNs)).toEqual(ago(1));
    expect(completeness).toMatchObject({ rangeScanned: false, stoppedBy: 'time' });
  });
  it('looks at no more packets than it may', async () => {
    source = new MemorySections();
    service = new PacketsService(source, ledger, new VersionTable());
    for (let second = 1; second < 20; second += 2) store({ atNs: ago(second + 1, second) });
    const { packets, completeness } = await rows({ maxScanned: 5 });
    expect(packets).toHaveLength(6);
    expect(completeness).toMatchObject({ packetsScanned: 6, rangeScanned: false, stoppedBy: 'packets' });
  });
  it('throws when who asks has gone, however much of the budget is left', async () => {
    store({ atNs: ago(1) });
    const caller = new AbortController();
    const stream = await service.answer(PacketQuery.parse({}), json, NOW_MS, caller.signal);
    const chunks = stream.body[Symbol.asyncIterator]();
    const next = chunks.next();
    caller.abort(new Error('gone'));
    await expect(next).rejects.toThrow('gone');
  });
  it('lets so many read at the same time, and the next ones when one has ended', async () => {
    source = new MemorySections();
    service = new PacketsService(source, ledger, new VersionTable());
    store({ atNs: ago(1) });
    const { signal } = new AbortController();
    const begin = () => service.answer(PacketQuery.parse({}), json, NOW_MS, signal);
    const streams = await Promise.all(Array.from({ length: MOST_SCANS }, begin));
    await expect(begin()).rejects.toMatchObject({ code: 'TOO_BUSY' });
    for await (const _chunk of streams[0]!.body);
    const again = await begin();
    await expect(begin()).rejects.toMatchObject({ code: 'TOO_BUSY' });
    // One that ends early has ended, too.
    const chunks = again.body[Symbol.asyncIterator]();
    await chunks.next();
    await chunks.return?.();
    await begin();
  });
  it('counts none that is refused', async () => {
    source = new MemorySections();
    service = new PacketsService(source, ledger, new VersionTable());
    store({ atNs: ago(2) });
    store({ atNs: ago(1), linkType: LinkType.LINUX_SLL });
    for (let n = 0; n <= MOST_SCANS; n++) {
      await expect(ask({}, pcapng)).rejects.toMatchObject({ code: 'SEVERAL_LINK_TYPES' });
    }
    expect((await rows()).packets).toHaveLength(2);
  });
});

describe('PacketsService: capture files', () => {
  it.each([pcapng, pcap])('writes all packets in time order: %s', async (mediaType) => {
    store({ atNs: ago(1, 5) });
    store({ atNs: ago(3), agent: 'host-2' });
    const { packets, completeness } = await file({}, mediaType);
    expect(packets.map(({ atNs }) => atNs)).toEqual(ago(5, 3, 1));
    expect(completeness).toMatchObject({ packetsScanned: 3, rangeScanned: true });
  });
  it('gives agents and interfaces of a pcapng file their names', async () => {
    store({ atNs: ago(2), interface: 'eth0' });
    store({ atNs: ago(1), interface: 'eth0', agent: 'host-2', filter: 'web@4' });
    const { bytes, fileName } = await ask({}, pcapng);
    expect(bytes.toString('latin1')).toContain('host-1 eth0 web@3');
    expect(bytes.toString('latin1')).toContain('host-2 eth0 web@4');
    expect(fileName).toBe('bpfleet-20261122T100000Z.pcapng');
  });
  it('is a whole file without packets', async () => {
    expect((await file()).packets).toEqual([]);
    expect((await file({}, pcap)).packets).toEqual([]);
    expect((await file({ limit: 5 })).packets).toEqual([]);
  });
  it('refuses several link types by their names, and takes the chosen one', async () => {
    store({ atNs: ago(2) });
    store({ atNs: ago(1), linkType: LinkType.LINUX_SLL });
    for (const query of [{}, { limit: 10 }]) {
      await expect(ask(query, pcapng)).rejects.toMatchObject({
        code: 'SEVERAL_LINK_TYPES',
        message: 'the packets are of several link types: EN10MB, LINUX_SLL',
      });
    }
    const { packets } = await file({ linktype: 'LINUX_SLL' });
    expect(packets.map(({ atNs, linkType }) => [atNs, linkType])).toEqual([[ago(1)[0], LinkType.LINUX_SLL]]);
    expect((await file({ limit: 1 })).packets).toHaveLength(1);
  });
  it('holds several link types where that is asked for, without a search for them', async () => {
    store({ atNs: ago(3) });
    store({ atNs: ago(2), linkType: LinkType.LINUX_SLL });
    store({ atNs: ago(1) });
    const linkTypes = async (query: Partial<PacketQuery>) =>
      (await file({ ...query, mixed: 'true' })).packets.map(({ linkType }) => linkType);
    expect(await linkTypes({})).toEqual([LinkType.EN10MB, LinkType.LINUX_SLL, LinkType.EN10MB]);
    expect(source.read).toBe(3);
    expect(await linkTypes({ limit: 2 })).toEqual([LinkType.LINUX_SLL, LinkType.EN10MB]);
    expect(await linkTypes({ since: 'now', until: '2027-01-01T00:00:00Z' })).toEqual([]);
    await expect(file({ mixed: 'false' })).rejects.toMatchObject({ code: 'SEVERAL_LINK_TYPES' });
  });
  it.each<[string, Partial<PacketQuery>, PacketMediaType, RegExp]>([
    ['pcap', {}, pcap, /is for pcapng/],
    ['rows', {}, json, /is for pcapng/],
    ['rows as lines', {}, ndjson, /is for pcapng/],
    ['one link type', { linktype: 'RAW' }, pcapng, /linktype=RAW/],
  ])('refuses several link types for %s', async (_name, query, mediaType, message) => {
    await expect(ask({ ...query, mixed: 'true' }, mediaType)).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      message: expect.stringMatching(message),
    });
  });
  it('has the newest packets when a limit is named, as sorting all of them would', async () => {
    // Few distinct times: sections overlap, and several packets share the time at the cut.
    const anyTimes = fc.array(fc.array(fc.integer({ min: 1, max: 15 }), { minLength: 1, maxLength: 5 }), {
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(anyTimes, fc.integer({ min: 0, max: 30 }), async (sections, limit) => {
        source.stored.length = 0;
        for (const seconds of sections) store({ atNs: ago(...seconds) });
        const sorted = ago(...sections.flat()).toSorted((a, b) => Number(a - b));
        const expected = limit === 0 ? sorted : sorted.slice(-limit);
        const { packets, completeness } = await file({ limit });
        expect(packets.map(({ atNs }) => atNs)).toEqual(expected);
        expect(await times({ limit: limit || 100 })).toEqual(formatted(expected.toReversed()));
        if (expected.length < sorted.length) expect(completeness.rangeScanned).toBe(false);
      }),
      { numRuns: 80 },
    );
  });
  it('leaves out what comes in while a limited file is written', async () => {
    for (let second = 2; second <= 5; second++) store({ atNs: ago(second) });
    const { signal } = new AbortController();
    const stream = await service.answer(PacketQuery.parse({ limit: 2 }), pcapng, NOW_MS, signal);
    store({ atNs: ago(1) });
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream.body) chunks.push(chunk);
    expect([...readCapture(Buffer.concat(chunks))].map(({ atNs }) => atNs)).toEqual(ago(3, 2));
  });
});

describe('PacketsService: sections that overlap and do not fit into memory', () => {
  const SECTIONS = 160;
  const PACKETS = 200;
  /** Every section spans the same minute; two of five packets match. */
  const atNs = (section: number, index: number) => NOW_NS - 60n * SECOND_NS + BigInt(index * 1_000_000 + section);
  const isAsked = (index: number) => index % 5 < 2;
  const bytesOf = (section: number, index: number): Uint8Array => {
    const mark = section * PACKETS + index;
    const bytes = new Uint8Array(1000).fill(mark);
    bytes.set(tcpFrame(mark, isAsked(index) ? 80 : 81));
    return bytes;
  };
  beforeEach(() => {
    for (let section = 0; section < SECTIONS; section++) {
      const packet = (_: unknown, index: number) => ({ atNs: atNs(section, index), bytes: bytesOf(section, index) });
      store({ atNs: [], packets: Array.from({ length: PACKETS }, packet) });
    }
    const bytes = source.stored.reduce((sum, { body }) => sum + body.length, 0);
    expect(bytes).toBeGreaterThan(1.5 * HELD_BYTES);
  });
  const expected = Array.from({ length: PACKETS }, (_, index) => index)
    .filter(isAsked)
    .flatMap((index) => Array.from({ length: SECTIONS }, (_, section) => ({ section, index })));

  it('writes each packet once, in order, with its own bytes', async () => {
    const { packets, completeness } = await file({ filter: 'tcp dst port 80' });
    expect(source.readAgain).toBeGreaterThan(0);
    expect(packets.map((packet) => packet.atNs)).toEqual(expected.map(({ section, index }) => atNs(section, index)));
    const differs = packets.findIndex(({ bytes }, at) => {
      const { section, index } = expected[at]!;
      return Buffer.compare(bytes, bytesOf(section, index)) !== 0;
    });
    expect(differs).toBe(-1);
    // What is read again is not counted again.
    expect(completeness).toMatchObject({
      ...{ sectionsScanned: SECTIONS, packetsScanned: SECTIONS * PACKETS, rangeScanned: true },
    });
  });
  it('gives each as a row once, the newest first', async () => {
    const { packets, completeness } = await rows({ filter: 'tcp dst port 80', limit: 100_000 });
    expect(source.readAgain).toBeGreaterThan(0);
    expect(packets.map(({ id }) => id)).toEqual(
      expected.toReversed().map(({ section, index }) => `host-1.1.${section}.${index}`),
    );
    expect(completeness).toMatchObject({ packetsScanned: SECTIONS * PACKETS, rangeScanned: true });
  });
});

describe('PacketsService: one in full', () => {
  const { signal } = new AbortController();

  it('gives a packet’s row, its layers and its bytes', async () => {
    store({ atNs: ago(2, 1), agent: 'host.1', epoch: 4 });
    const [row] = (await rows()).packets;
    const detail = await service.packet('host.1.4.0.1', undefined, signal);
    const { layers, why: _why, hex, ...rest } = detail;
    expect(rest).toEqual(row);
    expect(layers.map(({ name, offset }) => [name, offset])).toEqual([
      ['eth', 0],
      ['ip', 14],
      ['tcp', 34],
      ['data', 54],
    ]);
    expect(hex).toBe(Buffer.from(tcpFrame(1)).toString('hex'));
    expect(PacketDetail.parse(detail)).toEqual(detail);
  });
  it('says for each term why its filter stored it', async () => {
    store({ atNs: ago(1) });
    const { why } = await service.packet('host-1.1.0.0', undefined, signal);
    expect(why).toMatchObject([{ version: 'web@3', expression: webVersion.expression, verdict: 'yes' }]);
    expect(why[0]!.terms).toEqual([
      { start: 0, end: 3, words: expect.stringMatching(/UDP/), verdict: 'no', asked: true, endsHere: false },
      { start: 7, end: 22, words: expect.stringMatching(/port 80/), verdict: 'yes', asked: true, endsHere: false },
    ]);
  });
  it('explains the expression of the request, too, and refuses a wrong one', async () => {
    store({ packets: [{ atNs: NOW_NS - 1n, bytes: tcpFrame(0), capturedLength: 35 }] });
    const { why } = await service.packet('host-1.1.0.0', 'port 80', signal);
    expect(why[1]).toMatchObject({ expression: 'port 80', verdict: 'undecided', terms: [{ verdict: 'undecided' }] });
    await expect(service.packet('host-1.1.0.0', 'prt 80', signal)).rejects.toMatchObject({ code: 'FILTER_SYNTAX' });
  });
  it('says of a version that nobody knows any more only that it was there', async () => {
    store({ atNs: ago(1), filter: 'gone@1' });
    expect((await service.packet('host-1.1.0.0', undefined, signal)).why).toEqual([
      { version: 'gone@1', verdict: 'undecided', terms: [] },
    ]);
  });
  it('explains by the tag that the kernel had beside the bytes', async () => {
    const vlan = { tpid: 0x8100, tci: 7 };
    store({ packets: [{ atNs: NOW_NS - 1n, bytes: tcpFrame(0), vlan }] });
    const { why } = await service.packet('host-1.1.0.0', 'vlan 7 and tcp', signal);
    expect(why.map(({ verdict }) => verdict)).toEqual(['yes', 'yes']);
  });
  it('says where the capture ended', async () => {
    store({ packets: [{ atNs: NOW_NS - 1n, bytes: tcpFrame(0), capturedLength: 40 }] });
    const { layers, hex } = await service.packet('host-1.1.0.0', undefined, signal);
    expect(layers.at(-1)).toMatchObject({ name: '_ws.short', offset: 40 });
    expect(hex).toHaveLength(80);
  });
  it.each(['host-1.1.0.1', 'host-1.1.7.0', 'host-2.1.0.0', 'host-1', '', '.1.0.0', 'host-1.1.0.-1', 'host-1.1.0.0x'])(
    'does not know %j',
    async (id) => {
      store({ atNs: ago(1) });
      await expect(service.packet(id, undefined, signal)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    },
  );
});
