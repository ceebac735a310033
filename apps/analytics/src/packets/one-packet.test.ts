import { PacketDetail } from '@bpfleet/contract';
import { beforeEach, describe, expect, it } from 'vitest';
import { ago, PacketsRig, webVersion } from '../testing/packets-rig.js';
import { NOW_NS, tcpFrame } from '../testing/sections.js';

let rig: PacketsRig;
beforeEach(() => {
  rig = new PacketsRig();
});

describe('PacketsService: one in full', () => {
  const { signal } = new AbortController();

  it('gives a packet’s row, its layers and its bytes', async () => {
    rig.store({ atNs: ago(2, 1), agent: 'host.1', epoch: 4 });
    const [row] = (await rig.rows()).packets;
    const detail = await rig.service.packet('host.1.4.0.1', undefined, signal);
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
    rig.store({ atNs: ago(1) });
    const { why } = await rig.service.packet('host-1.1.0.0', undefined, signal);
    expect(why).toMatchObject([{ version: 'web@3', expression: webVersion.expression, verdict: 'yes' }]);
    expect(why[0]!.terms).toEqual([
      { start: 0, end: 3, words: expect.stringMatching(/UDP/), verdict: 'no', asked: true, endsHere: false },
      { start: 7, end: 22, words: expect.stringMatching(/port 80/), verdict: 'yes', asked: true, endsHere: false },
    ]);
  });
  it('explains the expression of the request, too, and refuses a wrong one', async () => {
    rig.store({ packets: [{ atNs: NOW_NS - 1n, bytes: tcpFrame(0), capturedLength: 35 }] });
    const { why } = await rig.service.packet('host-1.1.0.0', 'port 80', signal);
    expect(why[1]).toMatchObject({ expression: 'port 80', verdict: 'undecided', terms: [{ verdict: 'undecided' }] });
    await expect(rig.service.packet('host-1.1.0.0', 'prt 80', signal)).rejects.toMatchObject({ code: 'FILTER_SYNTAX' });
  });
  it.each([
    ['wlan type mgt', 'exists on other link types alone'],
    ['ip proto 6 or wlan type mgt', 'has such a term'],
  ])('says no to “%s”, as the query does: it %s', async (expression) => {
    rig.store({ packets: [{ atNs: NOW_NS - 1n, bytes: tcpFrame(0) }] });
    expect((await rig.rows({ filter: expression })).completeness.packetsUndecided).toBe(0);
    const { why } = await rig.service.packet('host-1.1.0.0', expression, signal);
    expect(why[1]).toEqual({ expression, verdict: 'no', terms: [] });
  });
  const hosts = Array.from({ length: 3299 }, (_, index) => `host 10.1.${index >> 8}.${index & 255}`);
  const ports = ['port 7', ...Array<string>(6000).fill('9')];
  it.each([
    ['thousands of hosts', hosts, 'port 80', 'yes', 54, 3300],
    ['thousands of hosts', hosts, 'port 81', 'no', 54, 3300],
    ['thousands of hosts', hosts, 'port 80', 'undecided', 35, 3300],
    ['more ports than can be shown one by one', ports, '80', 'yes', 54, 0],
    ['more ports than can be shown one by one', ports, '80', 'undecided', 35, 0],
  ] as const)('explains %s, of a request and of a version', async (_, list, last, verdict, capturedLength, shown) => {
    const expression = [...list, last].join(' or ');
    rig = new PacketsRig(undefined, [{ ...webVersion, expression }]);
    rig.store({ packets: [{ atNs: NOW_NS - 1n, bytes: tcpFrame(0), capturedLength }] });
    const { why } = await rig.service.packet('host-1.1.0.0', expression, signal);
    expect(why.map(({ version, verdict, terms }) => [version, verdict, terms.length])).toEqual([
      ['web@3', verdict, shown],
      [undefined, verdict, shown],
    ]);
    expect(why.every(({ terms }) => (terms.at(-1)?.verdict ?? verdict) === verdict)).toBe(true);
  });
  it('refuses, as the query does, what no link type has', async () => {
    rig.store({ packets: [{ atNs: NOW_NS - 1n, bytes: tcpFrame(0) }] });
    const refusal = { code: 'FILTER_UNSUPPORTED' };
    await expect(rig.rows({ filter: 'gateway router' })).rejects.toMatchObject(refusal);
    await expect(rig.service.packet('host-1.1.0.0', 'gateway router', signal)).rejects.toMatchObject(refusal);
  });
  it('says of a version that nobody knows any more only that it was there', async () => {
    rig.store({ atNs: ago(1), filter: 'gone@1' });
    expect((await rig.service.packet('host-1.1.0.0', undefined, signal)).why).toEqual([
      { version: 'gone@1', verdict: 'undecided', terms: [] },
    ]);
  });
  it('explains by the tag that the kernel had beside the bytes', async () => {
    const vlan = { tpid: 0x8100, tci: 7 };
    rig.store({ packets: [{ atNs: NOW_NS - 1n, bytes: tcpFrame(0), vlan }] });
    const { why } = await rig.service.packet('host-1.1.0.0', 'vlan 7 and tcp', signal);
    expect(why.map(({ verdict }) => verdict)).toEqual(['yes', 'yes']);
  });
  it('says where the capture ended', async () => {
    rig.store({ packets: [{ atNs: NOW_NS - 1n, bytes: tcpFrame(0), capturedLength: 40 }] });
    const { layers, hex } = await rig.service.packet('host-1.1.0.0', undefined, signal);
    expect(layers.at(-1)).toMatchObject({ name: '_ws.short', offset: 40 });
    expect(hex).toHaveLength(80);
  });
  it.each(['host-1.1.0.1', 'host-1.1.7.0', 'host-2.1.0.0', 'host-1', '', '.1.0.0', 'host-1.1.0.-1', 'host-1.1.0.0x'])(
    'does not know %j',
    async (id) => {
      rig.store({ atNs: ago(1) });
      await expect(rig.service.packet(id, undefined, signal)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    },
  );
});
