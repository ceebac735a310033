import { PacketQuery, packetMediaTypes } from '@bpfleet/contract';
import { LinkType } from '@bpfleet/packet';
import { readCapture } from '@bpfleet/section';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { ago, formatted, PacketsRig } from '../testing/packets-rig.js';
import { NOW_MS, tcpFrame } from '../testing/sections.js';
import type { PacketMediaType } from './packets.service.js';

const { json, ndjson, pcapng, pcap } = packetMediaTypes;
/** In a frame of `tcpFrame`, which has one of its own. */
const SOURCE_PORT_AT = 14 + 20;
let rig: PacketsRig;
beforeEach(() => {
  rig = new PacketsRig();
});

describe('PacketsService: capture files', () => {
  it.each([pcapng, pcap])('writes all packets in time order: %s', async (mediaType) => {
    rig.store({ atNs: ago(1, 5) });
    rig.store({ atNs: ago(3), agent: 'host-2' });
    const { packets, completeness } = await rig.file({}, mediaType);
    expect(packets.map(({ atNs }) => atNs)).toEqual(ago(5, 3, 1));
    expect(completeness).toMatchObject({ packetsScanned: 3, rangeScanned: true });
  });
  it('gives agents and interfaces of a pcapng file their names', async () => {
    rig.store({ atNs: ago(2), interface: 'eth0' });
    rig.store({ atNs: ago(1), interface: 'eth0', agent: 'host-2', filter: 'web@4' });
    const { bytes, fileName } = await rig.ask({}, pcapng);
    expect(bytes.toString('latin1')).toContain('host-1 eth0 web@3');
    expect(bytes.toString('latin1')).toContain('host-2 eth0 web@4');
    expect(fileName).toBe('bpfleet-20261122T100000Z.pcapng');
  });
  it('is a whole file without packets', async () => {
    expect((await rig.file()).packets).toEqual([]);
    expect((await rig.file({}, pcap)).packets).toEqual([]);
    expect((await rig.file({ limit: 5 })).packets).toEqual([]);
  });
  it('refuses several link types by their names, and takes the chosen one', async () => {
    rig.store({ atNs: ago(2) });
    rig.store({ atNs: ago(1), linkType: LinkType.LINUX_SLL });
    for (const query of [{}, { limit: 10 }]) {
      await expect(rig.ask(query, pcapng)).rejects.toMatchObject({
        code: 'SEVERAL_LINK_TYPES',
        message: 'the packets are of several link types: EN10MB, LINUX_SLL',
      });
    }
    const { packets } = await rig.file({ linktype: 'LINUX_SLL' });
    expect(packets.map(({ atNs, linkType }) => [atNs, linkType])).toEqual([[ago(1)[0], LinkType.LINUX_SLL]]);
    expect((await rig.file({ limit: 1 })).packets).toHaveLength(1);
  });
  it('holds several link types where that is asked for, without a search for them', async () => {
    rig.store({ atNs: ago(3) });
    rig.store({ atNs: ago(2), linkType: LinkType.LINUX_SLL });
    rig.store({ atNs: ago(1) });
    const linkTypes = async (query: Partial<PacketQuery>) =>
      (await rig.file({ ...query, mixed: 'true' })).packets.map(({ linkType }) => linkType);
    expect(await linkTypes({})).toEqual([LinkType.EN10MB, LinkType.LINUX_SLL, LinkType.EN10MB]);
    expect(rig.source.read).toBe(3);
    expect(await linkTypes({ limit: 2 })).toEqual([LinkType.LINUX_SLL, LinkType.EN10MB]);
    expect(await linkTypes({ since: 'now', until: '2027-01-01T00:00:00Z' })).toEqual([]);
    await expect(rig.file({ mixed: 'false' })).rejects.toMatchObject({ code: 'SEVERAL_LINK_TYPES' });
  });
  it.each<[string, Partial<PacketQuery>, PacketMediaType, RegExp]>([
    ['pcap', {}, pcap, /is for pcapng/],
    ['rows', {}, json, /is for pcapng/],
    ['rows as lines', {}, ndjson, /is for pcapng/],
    ['one link type', { linktype: 'RAW' }, pcapng, /linktype=RAW/],
  ])('refuses several link types for %s', async (_name, query, mediaType, message) => {
    await expect(rig.ask({ ...query, mixed: 'true' }, mediaType)).rejects.toMatchObject({
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
        rig.source.stored.length = 0;
        for (const seconds of sections) rig.store({ atNs: ago(...seconds) });
        const sorted = ago(...sections.flat()).toSorted((a, b) => Number(a - b));
        const expected = limit === 0 ? sorted : sorted.slice(-limit);
        const { packets, completeness } = await rig.file({ limit });
        expect(packets.map(({ atNs }) => atNs)).toEqual(expected);
        expect(await rig.times({ limit: limit || 100 })).toEqual(formatted(expected.toReversed()));
        if (expected.length < sorted.length) expect(completeness.rangeScanned).toBe(false);
      }),
      { numRuns: 80 },
    );
  });
  it('has the very packets that the rows of its limit name, where several are of one time', async () => {
    // Also sections whose packets do not stand in the order of their time.
    const anyTimes = fc.array(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 }), {
      maxLength: 8,
    });
    const sourcePortOf = ({ bytes }: { bytes: Uint8Array }) => Buffer.from(bytes).readUInt16BE(SOURCE_PORT_AT);
    const ascending = (a: number, b: number) => a - b;
    await fc.assert(
      fc.asyncProperty(anyTimes, fc.integer({ min: 1, max: 30 }), async (sections, limit) => {
        rig.source.stored.length = 0;
        let mark = 0;
        for (const seconds of sections) {
          rig.store({ atNs: [], packets: ago(...seconds).map((atNs) => ({ atNs, bytes: tcpFrame(mark++) })) });
        }
        const inFile = (await rig.file({ limit })).packets.map(sourcePortOf);
        const inRows = (await rig.rows({ limit })).packets.map(({ sourcePort }) => sourcePort!);
        expect(inFile.toSorted(ascending)).toEqual(inRows.toSorted(ascending));
      }),
      { numRuns: 80 },
    );
  });
  it('leaves out what comes in while a limited file is written', async () => {
    for (let second = 2; second <= 5; second++) rig.store({ atNs: ago(second) });
    const { signal } = new AbortController();
    const stream = await rig.service.answer(PacketQuery.parse({ limit: 2 }), pcapng, NOW_MS, signal);
    rig.store({ atNs: ago(1) });
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream.body) chunks.push(chunk);
    expect([...readCapture(Buffer.concat(chunks))].map(({ atNs }) => atNs)).toEqual(ago(3, 2));
  });
});
