import type { AgentLedger } from '@bpfleet/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeFleet } from '../fakes/fake-fleet.js';
import { runCommand } from '../fakes/fake-terminal.js';

let fleet: FakeFleet;
let server: string;
beforeEach(async () => {
  fleet = new FakeFleet();
  server = await fleet.start();
});
afterEach(() => fleet.stop());

const agent = (name: string, given: Partial<AgentLedger> = {}): AgentLedger => ({
  ...{ agent: name, epochs: 1, firstPacketAt: '2026-11-22T10:00:00Z', lastPacketAt: '2026-11-22T11:00:00Z' },
  ...{ captured: 100, sectionsStored: 10, packetsStored: 100, leftOut: 0, droppedByKernel: 0, lostWithProcess: 0 },
  ...{ sectionsMissing: 0, packetsMissing: 0, recordsQuarantined: 0, missing: [] },
  ...given,
});

describe('ledger', () => {
  it('shows what became of each agent’s packets', async () => {
    const missing = [
      { epoch: 3, first: 4, last: 6 },
      { epoch: 4, first: 0, last: 0 },
    ];
    const losses = {
      packetsStored: 57,
      leftOut: 3,
      droppedByKernel: 7,
      packetsMissing: 40,
      sectionsMissing: 4,
      missing,
    };
    fleet.ledger = [agent('host-1'), agent('host-2', losses)];
    const { code, out } = await runCommand(['ledger', '--server', server]);
    expect(code).toBe(0);
    expect(out.split('\n').map((line) => line.trim().split(/ {2,}/))).toEqual([
      [
        'AGENT',
        'CAPTURED',
        'STORED',
        'LEFT OUT',
        'DROPPED',
        'LOST',
        'MISSING',
        'SECTIONS',
        'MISSING',
        'IN QUARANTINE',
        'NOT STORED',
      ],
      ['host-1', '100', '100', '0', '0', '0', '0', '10', '0', '0'],
      ['host-2', '100', '57', '3', '7', '0', '40', '10', '4', '0', '3:4-6 4:0'],
      [''],
    ]);
  });

  it('asks for all pages', async () => {
    fleet.ledger = ['a', 'b', 'c', 'd', 'e'].map((name) => agent(name));
    const { out } = await runCommand(['ledger', '--server', server, '-o', 'json']);
    expect(JSON.parse(out).agents).toEqual(fleet.ledger);
    expect(fleet.requests).toHaveLength(3);
  });
});
