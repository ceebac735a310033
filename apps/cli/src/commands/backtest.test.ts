import type { Backtest } from '@bpfleet/contract';
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

const amount = (packets: number) => ({ packets, bytes: packets * 100, storedBytes: packets * 60 });
const compared = { against: amount(5), gained: amount(4), lost: amount(2), notStoredByVersion: amount(3) };
const counts = { matched: amount(7), ...compared, undecided: 1 };
const lost = {
  ...{ id: 'host-1.1.1.2', at: '2026-11-22T10:00:02.000000001Z', agent: 'host-1', interface: 'eth0' },
  ...{ filters: ['web@3'], linkType: 'EN10MB', lengthBytes: 60, capturedBytes: 60, protocol: 'tcp', summary: 'SYN' },
};
const answer: Backtest = {
  filter: 'port 443',
  against: { version: 'web@3', expression: 'port 80' },
  total: counts,
  agents: [{ agent: 'host-1', ...counts }],
  gained: [],
  lost: [lost],
  storedBy: [{ version: 'web@3', packets: 5 }],
  completeness: {
    ...{ sectionsScanned: 3, sectionsPruned: 0, packetsScanned: 40, packetsUndecided: 1, droppedByKernel: 0 },
    ...{
      lostByAgents: 0,
      leftOutByAgents: 0,
      sectionsMissing: 0,
      packetsMissing: 0,
      recordsQuarantined: 0,
      recordsLost: 0,
    },
    ...{ rangeScanned: false, stoppedBy: 'time' },
  },
};
const backtest = (...args: string[]) => runCommand(['backtest', ...args, '--server', server]);

describe('backtest', () => {
  beforeEach(() => {
    fleet.backtest = answer;
  });

  it('sends what is asked, and shows counts, samples and what it could not see', async () => {
    const { code, out, err } = await backtest('port', '443', '--against', 'web', '--snaplen', '96', '--timeout', '9');
    expect(code).toBe(0);
    expect(fleet.bodies).toEqual([
      expect.objectContaining({ filter: 'port 443', against: 'web', snaplenBytes: 96, timeoutMs: 9000 }),
    ]);
    expect(
      out
        .split('\n')
        .slice(0, 3)
        .map((line) => line.split(/ {2,}/)),
    ).toEqual([
      ['AGENT', 'MATCHED', 'BYTES', 'KEPT', 'UNDECIDED', 'AGAINST', 'GAINED', 'LOST', 'NOT STORED'],
      ['host-1', '7', '700', '420', '1', '5', '4', '2', '3'],
      ['all', '7', '700', '420', '1', '5', '4', '2', '3'],
    ]);
    expect(out).toContain('lost, for example:\nTIME');
    expect(out).not.toContain('gained, for example');
    expect(out).toContain(
      'web@3 did not store 3 packets that its expression matches, or may: neither gained nor lost.',
    );
    expect(out).toContain('Only packets that web@3 stored could be looked at.');
    expect(err).toBe(
      '40 scanned in 3 sections; 1 undecided, cut off by a snaplen, of a link type that filters do not know, or of an unknown direction; the time was up: ask for a shorter range, or raise --timeout\n',
    );
  });

  it('says why nothing is gained beyond a version that is forgotten', async () => {
    fleet.backtest = { ...answer, against: { version: 'gone@4' } };
    const { out } = await backtest('port', '443', '--against', 'gone@4');
    expect(out).toContain('The expression of gone@4 is not known: what it did not store is neither gained nor lost.');
  });

  it('shows no comparison where none was asked for', async () => {
    const { against: _version, ...rest } = answer;
    fleet.backtest = { ...rest, total: { matched: amount(7), undecided: 1 }, agents: [], lost: [], storedBy: [] };
    const { out } = await backtest('port', '443');
    expect(out.split('\n')[0]).toMatch(/UNDECIDED$/);
    expect(out).toContain('No packets are stored of this range.');
  });
});
