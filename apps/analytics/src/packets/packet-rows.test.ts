import { formatInstantNs, packetMediaTypes } from '@bpfleet/contract';
import { LinkType } from '@bpfleet/packet';
import { beforeEach, describe, expect, it } from 'vitest';
import { ago, formatted, PacketsRig } from '../testing/packets-rig.js';
import { NOW_NS } from '../testing/sections.js';

const { json, ndjson } = packetMediaTypes;
let rig: PacketsRig;
beforeEach(() => {
  rig = new PacketsRig();
});

describe('PacketsService: rows', () => {
  it('answers the newest first, 100 when no limit is named', async () => {
    rig.store({ atNs: Array.from({ length: 150 }, (_, index) => NOW_NS - BigInt(index + 1) * 1000n) });
    const answer = await rig.rows();
    expect(answer.packets).toHaveLength(100);
    expect(answer.packets[0]?.at).toBe(formatInstantNs(NOW_NS - 1000n));
    expect(answer.completeness.rangeScanned).toBe(false);
  });
  it('names each packet and shows where it was captured and what it is', async () => {
    rig.store({ atNs: ago(2, 1), interface: 'eth7', agent: 'host.1', epoch: 4 });
    const [first, second] = (await rig.rows()).packets;
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
    rig.store({ atNs: ago(30, 20, 10) });
    expect(await rig.times({ since: '-20s', until: '-10s' })).toEqual(formatted(ago(20)));
    expect(await rig.times({ since: '2026-11-22T09:59:50Z' })).toEqual(formatted(ago(10)));
    expect(await rig.times({ since: '-5s' })).toEqual([]);
  });
  it('takes a range as narrow as the times it shows', async () => {
    rig.store({ atNs: [NOW_NS - 1000n, NOW_NS - 700n, NOW_NS - 300n] });
    const [newest, middle] = await rig.times();
    expect(await rig.times({ since: middle!, until: newest! })).toEqual([middle]);
  });
  it('selects by agent and by the filter that stored a packet', async () => {
    rig.store({ atNs: ago(4) });
    rig.store({ atNs: ago(3), agent: 'host-2' });
    rig.store({ atNs: ago(2), filter: 'web@4' });
    rig.store({ atNs: ago(1), filter: 'webmail@3' });
    expect(await rig.times({ agent: 'host-2' })).toEqual(formatted(ago(3)));
    expect(await rig.times({ version: 'web' })).toEqual(formatted(ago(2, 3, 4)));
    expect(await rig.times({ version: 'web@4' })).toEqual(formatted(ago(2)));
  });
  it('selects by link type', async () => {
    rig.store({ atNs: ago(2) });
    rig.store({ atNs: ago(1), linkType: LinkType.LINUX_SLL });
    expect(await rig.times({ linktype: 'linux_sll' })).toEqual(formatted(ago(1)));
  });
  it('stops reading when the newest packets are found, and says that it did', async () => {
    for (let second = 1; second <= 10; second++) rig.store({ atNs: ago(second) });
    const { packets, completeness } = await rig.rows({ limit: 3 });
    expect(packets).toHaveLength(3);
    expect(rig.source.read).toBe(4);
    expect(completeness).toMatchObject({ sectionsScanned: 3, packetsScanned: 3, rangeScanned: false });
  });
  it('says that all was scanned when no matching packet is left out', async () => {
    rig.store({ atNs: ago(2, 1) });
    expect((await rig.rows({ limit: 3 })).completeness.rangeScanned).toBe(true);
    expect((await rig.rows({ limit: 1 })).completeness).toMatchObject({ rangeScanned: false, stoppedBy: 'limit' });
  });
  it('tells what is missing', async () => {
    rig.ledger.known = { recordsQuarantined: 2, droppedByKernel: 4 };
    rig.store({ atNs: ago(9) });
    expect((await rig.rows()).completeness).toMatchObject({
      recordsQuarantined: 2,
      droppedByKernel: 4,
      lostByAgents: 0,
    });
  });
  it('ends NDJSON with the completeness', async () => {
    rig.store({ atNs: ago(2, 1) });
    const lines = (await rig.ask({}, ndjson)).bytes.toString().trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(JSON.parse(lines[0]!)).toMatchObject({ at: formatted(ago(1))[0] });
    expect(JSON.parse(lines[2]!)).toMatchObject({ completeness: { packetsScanned: 2, rangeScanned: true } });
  });
  it('answers nothing as a whole answer', async () => {
    expect(await rig.rows()).toMatchObject({ packets: [], completeness: { sectionsScanned: 0, rangeScanned: true } });
  });
  it.each([
    ['no limit', { limit: 0 }, /limit=0/],
    ['a range that ends before it begins', { since: 'now', until: '-1h' }, /empty/],
    ['a time that is none', { since: 'yesterday' }, /not a time/],
    ['a version that is none', { version: 'web@' }, /not a filter/],
    ['a link type that is none', { linktype: 'ETHERNET' }, /not a link type/],
  ])('refuses %s', async (_name, query, message) => {
    await expect(rig.ask(query, json)).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      message: expect.stringMatching(message),
    });
  });
});
