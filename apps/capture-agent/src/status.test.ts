import { AgentStatus, statusLimits } from '@bpfleet/contract';
import { describe, expect, it } from 'vitest';
import type { FilterOutcome } from './border/opener-port.js';
import type { CaptureCounters } from './capture/ring/capture-messages.js';
import { storeFigures } from './spool/store-figures.js';
import { agentStatus, type StatusInputs } from './status.js';

const DIGEST = `sha256:${'0'.repeat(64)}`;
/** The longest names that a host has: 15 characters. */
const deviceOf = (number: number): string => `veth${String(number).padStart(11, '0')}`;
const none = { sections: 0, packets: 0, bytes: 0 };
const store = { waiting: none, evicted: none, evictedOf: new Map(), damaged: none };
const empty = storeFigures(none, []);
const ended = { sockets: 0, passed: 0, dropped: 0, taken: 0 };

/** Filters on interfaces, one socket each. */
function inputs(filters: number, interfaces: number): StatusInputs {
  const outcomes: FilterOutcome[] = [];
  const versions: CaptureCounters['versions'][number][] = [];
  for (let device = 0; device < interfaces; device++) {
    for (let index = 0; index < filters; index++) {
      const filter = `filter-with-a-name-${index}`;
      const at = { interface: deviceOf(device) };
      const state = { state: 'attested' as const, selfTest: { packets: 48, inKernel: 41 }, attachedDigest: DIGEST };
      outcomes.push({ filter, version: 12, digest: DIGEST, ...at, linkType: 'EN10MB', socket: device, ...state });
      const counts = { matched: 1e12 + index, stored: 1e12, storedBytes: 1e14, truncated: 1e12, sampledOut: 1e12 };
      versions.push({ version: `${filter}@12`, ...at, ...counts, budgetDropped: 1e12, step: 'full' });
    }
  }
  const sockets = Array.from({ length: interfaces }, (_, socket) => ({
    ...{ socket, interfaces: [deviceOf(socket)], passed: 1e12, dropped: 1000 + socket, taken: 1e12, waiting: 0 },
  }));
  return {
    ...{ agent: 'agent-1', labels: {}, generation: 1, epoch: 1, source: 'ring', errors: [], confined: true },
    ...{ interfaces: [], outcomes, statements: [], counters: { taken: 0, sockets, ended, versions }, before: {} },
    ...{ stores: [store, store], figures: empty, atStart: empty, since: new Date(0) },
    ...{ spoolCapBytes: 1, withoutSocket: undefined },
    guard: {
      windowMs: 1,
      cpuPercent: 0,
      memoryBytes: 0,
      packetsPerSecond: 0,
      bytesPerSecond: 0,
      kernelDropsPerSecond: 0,
    },
  } as unknown as StatusInputs;
}
const statusOf = (filters: number, interfaces: number) =>
  AgentStatus.parse({ ...agentStatus(inputs(filters, interfaces)), sequence: 1 });

describe('a status', () => {
  it('has the counters of each filter on each interface', () => {
    const { filters } = statusOf(3, 4);
    expect(filters).toHaveLength(12);
    expect(filters[7]).toMatchObject({
      ...{ filter: 'filter-with-a-name-1', interface: deviceOf(2) },
      counters: { matched: 1e12 + 1, droppedByKernel: 1002, captured: 1e12 },
    });
  });

  it('has none where the link type has no program: what is counted there is of another one', () => {
    const all = inputs(1, 1);
    // As of a recording with packets of both, which all are of one interface.
    const other = { ...all.outcomes[0]!, linkType: 'LINKTYPE_249', state: 'not applicable' as const };
    const { filters } = agentStatus({ ...all, outcomes: [other, ...all.outcomes] });
    expect(filters.map(({ counters }) => counters?.matched)).toEqual([undefined, 1e12]);
  });

  it('says of a shared socket once what it lost, and how many interfaces that is of', () => {
    const all = inputs(2, 70);
    const outcomes = all.outcomes.map((one) => ({ ...one, socket: 7 }));
    const interfaces = Array.from({ length: 70 }, (_, device) => deviceOf(device));
    const sockets = [{ socket: 7, interfaces, passed: 100, dropped: 9, taken: 91 }];
    const { ledger, filters } = agentStatus({ ...all, outcomes, counters: { ...all.counters, sockets } });
    expect(ledger!.sockets).toEqual([
      {
        ...{ interface: '*', sharedBy: 70, passed: 100, droppedByKernel: 9, captured: 91 },
        filters: ['filter-with-a-name-0@12', 'filter-with-a-name-1@12'],
      },
    ]);
    expect(new Set(filters.map(({ counters }) => counters!.droppedByKernel))).toEqual(new Set([9]));
    expect(ledger!.filters).toHaveLength(140);
  });

  it('has what sockets had that have ended in a row of its own', () => {
    const { counters, ...all } = inputs(1, 1);
    const gone = { sockets: 3, passed: 100, dropped: 9, taken: 91 };
    const { ledger } = agentStatus({ ...all, counters: { ...counters, ended: gone } });
    expect(ledger!.sockets).toHaveLength(2);
    expect(ledger!.sockets.at(-1)).toEqual({
      ...{ interface: '*', ended: 3, filters: [], passed: 100, droppedByKernel: 9, captured: 91 },
    });
  });

  it('counts sections since the epoch began, with what it found waiting', () => {
    const amount = (sections: number) => ({ sections, packets: 10 * sections, bytes: 0 });
    const stored = (evicted: number, waiting: number) => ({
      ...{ ...store, evicted: amount(evicted), waiting: amount(waiting) },
    });
    const atStart = storeFigures(amount(100), [stored(7, 5), stored(0, 0)]);
    const figures = storeFigures(amount(104), [stored(9, 2), stored(1, 1)]);
    const { ledger, sections } = agentStatus({ ...inputs(1, 1), figures, atStart });
    expect(ledger!.agent).toMatchObject({
      ...{ carriedSections: 5, spooledSections: 5, sentSections: 4, evictedSections: 3 },
      ...{ carriedPackets: 50, spooledPackets: 50, sentPackets: 40, evictedPackets: 30 },
    });
    expect(sections).toEqual({ sent: 104, pending: 3, dropped: 10, packetsDropped: 100 });
  });

  it('counts what it found damaged as spooled, whether that was carried or not', () => {
    const amount = (sections: number) => ({ sections, packets: 10 * sections, bytes: 0 });
    const atStart = storeFigures(none, [{ ...store, waiting: amount(5) }]);
    const figures = storeFigures(amount(6), [{ ...store, waiting: amount(1), damaged: amount(2) }]);
    const { ledger } = agentStatus({ ...inputs(1, 1), figures, atStart });
    expect(ledger!.agent).toMatchObject({ carriedSections: 5, spooledSections: 4, spooledPackets: 40 });
    expect(ledger!.agent).toMatchObject({ damagedSections: 2, damagedPackets: 20 });
  });

  it('leaves out what one call does not take, and says so', () => {
    const { filters, ledger, errors } = statusOf(100, 100);
    expect([filters.length, ledger!.filters.length]).toEqual([statusLimits.filters, statusLimits.ledgerRows]);
    expect(errors).toMatchObject([
      { code: 'FILTER_TOO_LARGE', message: expect.stringMatching(/8192 of 10000 states.*4096 of 10000 filters of/) },
    ]);
  });

  it('has only as many statements as fit, which may be long', () => {
    const long = { payloadType: 'x', payload: 'A'.repeat(100_000), signatures: [{ sig: 'AAAA' }] };
    const statements = Array.from({ length: 60 }, () => long);
    const status = agentStatus({ ...inputs(1, 1), statements });
    expect(status.statements).toHaveLength(20);
    expect(status.errors[0]!.message).toMatch(/20 of 60 statements/);
  });

  it('is whole, and says nothing, within the limits', () => {
    expect(statusOf(64, 64).errors).toEqual([]);
  });

  it('fits into a call at its largest', () => {
    expect(JSON.stringify(statusOf(100, 100)).length).toBeLessThan(6 * 1024 * 1024);
  });
});
