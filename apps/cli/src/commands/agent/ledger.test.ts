import type { Agent, LossLedger } from '@bpfleet/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeFleet } from '../../fakes/fake-fleet.js';
import { runCommand } from '../../fakes/fake-terminal.js';

const ledger: LossLedger = {
  since: '2026-11-22T09:59:00.000Z',
  sockets: [{ interface: 'eth0', filters: ['web@3', 'dns@1'], passed: 1000, droppedByKernel: 7, captured: 990 }],
  filters: [
    {
      version: 'web@3',
      interface: 'eth0',
      matched: 900,
      stored: 90,
      storedBytes: 11_520,
      truncated: 12,
      sampledOut: 810,
      budgetDropped: 0,
      step: 'full',
    },
  ],
  agent: {
    captured: 990,
    carriedSections: 4,
    carriedPackets: 40,
    spooledSections: 12,
    spooledPackets: 180,
    sentSections: 9,
    sentPackets: 150,
    evictedSections: 1,
    evictedPackets: 10,
  },
  before: { 'before-lost': '0' },
  withoutSocket: { from: '2026-11-22T10:00:00.250Z', to: '2026-11-22T10:00:02.000Z' },
};

const agent = (more: Partial<NonNullable<Agent['status']>>): Agent => ({
  id: 'host-1',
  labels: {},
  generation: 5,
  lastHeardAt: '2026-11-22T10:04:48.000Z',
  status: {
    agent: 'host-1',
    sequence: 9,
    labels: {},
    generation: 4,
    epoch: 1,
    source: 'ring',
    facts: { hostname: 'h', operatingSystem: 'Debian 12', kernel: '6.1.0', architecture: 'x64', agentVersion: '0.1.0' },
    interfaces: [],
    filters: [],
    sections: { sent: 1, pending: 0, dropped: 0, packetsDropped: 0 },
    errors: [],
    ...more,
  },
});

describe('agent ledger', () => {
  let fleet: FakeFleet;
  let server: string;
  beforeEach(async () => {
    fleet = new FakeFleet();
    server = await fleet.start();
  });
  afterEach(() => fleet.stop());

  it('shows where every packet went, and what is on its way', async () => {
    fleet.agents = [agent({ ledger })];
    const { code, out } = await runCommand(['agent', 'ledger', 'host-1', '--server', server]);
    expect(code).toBe(0);
    expect(out).toContain('INTERFACE  PASSED  DROPPED  CAPTURED  IN RING  FILTERS\n');
    expect(out).toContain('eth0         1000        7       990        3  web@3,dns@1\n');
    expect(out).toMatch(/web@3 +eth0 +900 +90 +11520 +12 +810 +0 +full\n/);
    expect(out).toMatch(/^Epoch 1 since 2026-11-22T09:59:00.000Z, heard 12s ago\n/);
    expect(out).toMatch(/left by epochs before +4 +40\n/);
    expect(out).toMatch(/waiting +6 +60\n/);
    expect(out).toContain('The process before: before-lost 0\n');
    const [from, to] = ['2026-11-22T10:00:00.250Z', '2026-11-22T10:00:02.000Z'];
    expect(out).toContain(`No socket stood from ${from} to ${to}, 1.750 s: what came then is in no count\n`);
  });

  it('says of a socket on how many interfaces it has packets of, since its drops are of all of them', async () => {
    const shared = { ...ledger.sockets[0]!, interface: '*', sharedBy: 70 };
    fleet.agents = [agent({ ledger: { ...ledger, sockets: [shared] } })];
    const { out } = await runCommand(['agent', 'ledger', 'host-1', '--server', server]);
    expect(out).toContain('* (70)       1000        7       990        3  web@3,dns@1\n');
  });

  it('shows what sockets had that have ended', async () => {
    const ended = { interface: '*', ended: 2, filters: [], passed: 299, droppedByKernel: 1, captured: 298 };
    fleet.agents = [agent({ ledger: { ...ledger, sockets: [ended, ...ledger.sockets] } })];
    const { out } = await runCommand(['agent', 'ledger', 'host-1', '--server', server]);
    expect(out).toMatch(/ended \(2\) +299 +1 +298 +0\s*\n/);
  });

  it('says so when an agent has told of nothing', async () => {
    fleet.agents = [agent({})];
    const { out } = await runCommand(['agent', 'ledger', 'host-1', '--server', server]);
    expect(out).toBe('it has told of no packets yet\n');
  });

  it('prints the counters as the API has them', async () => {
    fleet.agents = [agent({ ledger })];
    const { out } = await runCommand(['agent', 'ledger', 'host-1', '-o', 'json', '--server', server]);
    expect(JSON.parse(out)).toEqual({ id: 'host-1', epoch: 1, lastHeardAt: '2026-11-22T10:04:48.000Z', ledger });
  });
});
