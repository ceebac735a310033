import { PacketQuery, packetMediaTypes } from '@bpfleet/contract';
import { LinkType } from '@bpfleet/packet';
import { beforeEach, describe, expect, it } from 'vitest';
import { ago, formatted, PacketsRig } from '../testing/packets-rig.js';
import { NOW_MS } from '../testing/sections.js';
import { MOST_SCANS } from './config.js';
import { MemorySections } from './memory-sections.js';

const { json, pcapng } = packetMediaTypes;
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
  let rig: PacketsRig;
  beforeEach(() => {
    rig = new PacketsRig(new SlowSections());
  });
  const slowFile = { timeoutMs: 20, linktype: 'EN10MB' };

  it('answers what it has found when the time is up, and says so', async () => {
    rig.store({ atNs: ago(1) });
    rig.store({ atNs: ago(2) });
    const { packets, completeness } = await rig.rows({ timeoutMs: 20 });
    expect(packets.map(({ at }) => at)).toEqual(formatted(ago(1)));
    expect(completeness).toMatchObject({ packetsScanned: 1, rangeScanned: false, stoppedBy: 'time' });
  });
  it('ends a capture file when the time is up, and says so behind it', async () => {
    rig.store({ atNs: ago(1) });
    rig.store({ atNs: ago(2) });
    const { packets, completeness } = await rig.file(slowFile);
    expect(packets.map(({ atNs }) => atNs)).toEqual(ago(2));
    expect(completeness).toMatchObject({ rangeScanned: false, stoppedBy: 'time' });
  });
  it('writes a file in the time that is left when the search for its link types takes too long', async () => {
    rig.store({ atNs: ago(1) });
    rig.store({ atNs: ago(2) });
    rig.store({ atNs: ago(3), linkType: LinkType.RAW });
    const reads = rig.source.sections.bind(rig.source);
    rig.source.sections = (query, signal) =>
      query.order === 'newest'
        ? reads(query, signal)
        : MemorySections.prototype.sections.call(rig.source, query, signal);
    const { packets, completeness } = await rig.file({ timeoutMs: 1000 });
    // Of the link type that was found; there may be others.
    expect(packets.map(({ atNs }) => atNs)).toEqual(ago(2, 1));
    expect(completeness).toMatchObject({ sectionsScanned: 3, rangeScanned: false, stoppedBy: 'time' });
  });
  it('writes the newest packets that it has found in time', async () => {
    rig.store({ atNs: ago(1) });
    rig.store({ atNs: ago(2) });
    const reads = rig.source.sections.bind(rig.source);
    // Slow at the first reading alone.
    rig.source.sections = (query, signal) =>
      query.order === 'newest'
        ? reads(query, signal)
        : MemorySections.prototype.sections.call(rig.source, query, signal);
    const { packets, completeness } = await rig.file({ ...slowFile, limit: 5 });
    expect(packets.map(({ atNs }) => atNs)).toEqual(ago(1));
    expect(completeness).toMatchObject({ rangeScanned: false, stoppedBy: 'time' });
  });
  it('looks at no more packets than it may', async () => {
    rig = new PacketsRig();
    for (let second = 1; second < 20; second += 2) rig.store({ atNs: ago(second + 1, second) });
    const { packets, completeness } = await rig.rows({ maxScanned: 5 });
    expect(packets).toHaveLength(6);
    expect(completeness).toMatchObject({ packetsScanned: 6, rangeScanned: false, stoppedBy: 'packets' });
  });
  it('throws when who asks has gone, however much of the budget is left', async () => {
    rig.store({ atNs: ago(1) });
    const caller = new AbortController();
    const stream = await rig.service.answer(PacketQuery.parse({}), json, NOW_MS, caller.signal);
    const chunks = stream.body[Symbol.asyncIterator]();
    const next = chunks.next();
    caller.abort(new Error('gone'));
    await expect(next).rejects.toThrow('gone');
  });
  it('lets so many read at the same time, and the next ones when one has ended', async () => {
    rig = new PacketsRig();
    rig.store({ atNs: ago(1) });
    const { signal } = new AbortController();
    const begin = () => rig.service.answer(PacketQuery.parse({}), json, NOW_MS, signal);
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
    rig = new PacketsRig();
    rig.store({ atNs: ago(2) });
    rig.store({ atNs: ago(1), linkType: LinkType.LINUX_SLL });
    for (let n = 0; n <= MOST_SCANS; n++) {
      await expect(rig.ask({}, pcapng)).rejects.toMatchObject({ code: 'SEVERAL_LINK_TYPES' });
    }
    expect((await rig.rows()).packets).toHaveLength(2);
  });
});
