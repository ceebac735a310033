import { Backtest, NewBacktest } from '@bpfleet/contract';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryLedger } from '../ledger/memory-ledger.js';
import { MemorySections } from '../packets/memory-sections.js';
import { VersionTable } from '../registry/known-versions.js';
import { makeSection, NOW_MS, NOW_NS, type SectionShape, storedSection, tcpFrame } from '../testing/sections.js';
import { BacktestsService } from './backtests.service.js';

const version = (filter: string, number: number, expression: string) => ({
  ...{ filter, version: number, expression, digest: `sha256:${String(number).repeat(64)}` },
  ...{ snaplenBytes: 96, programs: [] },
});
const versions = new VersionTable([version('web', 2, 'port 8080'), version('web', 3, 'port 80')]);

describe('BacktestsService', () => {
  let source: MemorySections;
  let ledger: MemoryLedger;
  let service: BacktestsService;
  let seq: number;
  beforeEach(() => {
    source = new MemorySections();
    ledger = new MemoryLedger();
    service = new BacktestsService(source, ledger, versions);
    seq = 0;
  });

  /** Packets to these ports, a second apart, as a filter stored them. */
  function store(filter: string, ports: readonly number[], given: Partial<SectionShape> = {}): void {
    const packets = ports.map((port, index) => ({
      atNs: NOW_NS - BigInt(index + 1) * 1_000_000_000n,
      bytes: tcpFrame(index, port),
    }));
    source.stored.push(storedSection(makeSection({ agent: 'a', epoch: 1, seq: seq++, filter, packets, ...given })));
  }
  const run = async (asked: Partial<NewBacktest> & { filter: string }) => {
    const { signal } = new AbortController();
    return Backtest.parse(await service.run(NewBacktest.parse(asked), NOW_MS, signal));
  };
  const lengthBytes = tcpFrame(0).length;

  it('counts what a candidate matches, by agent, and what it would keep of it', async () => {
    store('all@1', [80, 80, 443]);
    store('all@1', [80], { agent: 'b' });
    store('all@1', [443], { agent: 'c' });
    const { total, agents, storedBy } = await run({ filter: 'port 80', snaplenBytes: 40 });
    expect(total).toEqual({
      matched: { packets: 3, bytes: 3 * lengthBytes, storedBytes: 120 },
      undecided: 0,
    });
    expect(agents.map(({ agent, matched }) => [agent, matched.packets])).toEqual([
      ['a', 2],
      ['b', 1],
      ['c', 0],
    ]);
    expect(storedBy).toEqual([{ version: 'all@1', packets: 5 }]);
  });

  it('says what a version would gain and lose, with samples', async () => {
    store('web@3', [80, 80]);
    store('other@1', [443, 443, 25]);
    store('web@3,other@1', [80], {});
    const { against, total, gained, lost } = await run({ filter: 'port 443', against: 'web', samples: 2 });
    expect(against).toEqual({ version: 'web@3', expression: 'port 80' });
    expect(total).toMatchObject({
      matched: { packets: 2 },
      against: { packets: 3 },
      gained: { packets: 2 },
      lost: { packets: 3 },
      notStoredByVersion: { packets: 0 },
    });
    expect(gained.map(({ destinationPort }) => destinationPort)).toEqual([443, 443]);
    expect(lost.map(({ destinationPort, filters }) => [destinationPort, filters[0]])).toEqual([
      [80, 'web@3'],
      [80, 'web@3'],
    ]);
  });

  it('neither gains nor loses by the version’s own expression, whoever stored the packets', async () => {
    store('web@3', [80, 80]);
    store('web@2', [80, 8080, 80]);
    store('all@1', [80, 443], { agent: 'b' });
    const { total, agents, gained, lost } = await run({ filter: 'port 80', against: 'web@3' });
    const none = { gained: { packets: 0 }, lost: { packets: 0 } };
    expect(total).toMatchObject({ ...none, against: { packets: 2 }, notStoredByVersion: { packets: 3 } });
    expect(agents).toMatchObject([
      { agent: 'a', ...none, against: { packets: 2 }, notStoredByVersion: { packets: 2 } },
      { agent: 'b', ...none, against: { packets: 0 }, notStoredByVersion: { packets: 1 } },
    ]);
    expect([gained, lost]).toEqual([[], []]);
  });

  it('loses nothing that the version did not store: it was not there yet, or sampled it out', async () => {
    store('web@3', [80], { samplingWeights: [10] });
    store('web@2', [80, 80, 8080]);
    const { total } = await run({ filter: 'port 8080', against: 'web@3' });
    expect(total).toMatchObject({
      gained: { packets: 1 },
      lost: { packets: 1 },
      notStoredByVersion: { packets: 2, bytes: 2 * lengthBytes },
    });
  });

  it('gains nothing of which the version’s expression cannot tell', async () => {
    const packets = [{ atNs: NOW_NS - 1n, bytes: tcpFrame(1, 443), capturedLength: 30 }];
    store('all@1', [], { packets });
    const { total, completeness } = await run({ filter: 'tcp', against: 'web@3' });
    expect(total).toMatchObject({
      ...{ matched: { packets: 1 }, gained: { packets: 0 }, notStoredByVersion: { packets: 1 }, undecided: 0 },
    });
    expect(completeness.packetsUndecided).toBe(0);
  });

  it('cannot decide what was cut off, and counts it as neither', async () => {
    const packets = [{ atNs: NOW_NS - 1n, bytes: tcpFrame(1, 80), capturedLength: 30 }];
    store('web@3', [], { packets });
    const { total, completeness } = await run({ filter: 'port 80', against: 'web@3' });
    expect(total).toMatchObject({ matched: { packets: 0 }, lost: { packets: 0 }, undecided: 1 });
    expect(completeness).toMatchObject({ packetsUndecided: 1, rangeScanned: true });
  });

  it('looks at packets of the range alone, and tells what is lost of it', async () => {
    ledger.known = { droppedByKernel: 9 };
    store('web@3', [80, 80, 80, 80]);
    const { total, completeness } = await run({ filter: 'tcp', since: '-3s', until: '-1s' });
    expect(total.matched.packets).toBe(2);
    expect(completeness.droppedByKernel).toBe(9);
  });

  it('says when it has not seen all', async () => {
    for (let n = 0; n < 5; n++) store('web@3', [80, 80]);
    const { total, completeness } = await run({ filter: 'tcp', maxScanned: 3 });
    expect(total.matched.packets).toBe(4);
    expect(completeness).toMatchObject({ rangeScanned: false, stoppedBy: 'packets' });
  });

  it('refuses a wrong expression and a filter that nobody knows, and compares with a version that is forgotten', async () => {
    await expect(run({ filter: 'prt 80' })).rejects.toMatchObject({ code: 'FILTER_SYNTAX', span: { start: 0 } });
    await expect(run({ filter: 'tcp', against: 'nobody' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    store('gone@4', [80]);
    store('web@3', [80]);
    expect(await run({ filter: 'udp', against: 'gone@4' })).toMatchObject({
      against: { version: 'gone@4' },
      total: { lost: { packets: 1 }, gained: { packets: 0 }, notStoredByVersion: { packets: 1 } },
    });
  });
});
