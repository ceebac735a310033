import type { FlowCompleteness } from '@bpfleet/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeFleet } from '../fakes/fake-fleet.js';
import { runCommand } from '../fakes/fake-terminal.js';

let fleet: FakeFleet;
let server: string;
beforeEach(async () => {
  fleet = new FakeFleet();
  server = await fleet.start();
  const sum = { packets: 3, bytes: 180 };
  const tcp = { ...sum, agent: 'host-1', filters: ['web@3'], protocol: 'tcp', tcpFlags: ['syn', 'ack'] };
  const ends = { source: '2001:db8::1', sourcePort: 40_000, destination: '2001:db8::2', destinationPort: 443 };
  const times = { first: '2026-11-22T10:00:01.000000001Z', last: '2026-11-22T10:00:02.000000001Z' };
  fleet.flows = { range, completeness, flows: [{ ...tcp, ...ends, ...times }], next: 'abc' };
  const estimated = { packets: 30, bytes: 1800 };
  fleet.timeline = { range, stepMs: 60_000, points: [{ at: range.since, ...sum }], completeness };
  const entries = [
    { key: '10.0.0.1', ...sum, estimated },
    { key: '10.0.0.2', packets: 1, bytes: 60 },
  ];
  const notRetained = [{ since: range.since, until: '2026-11-22T10:30:00.000Z' }];
  const ofTop = { ...completeness, packetsUndecided: 2, notRetained };
  fleet.top = { range, by: 'host', entries, total: sum, completeness: ofTop };
});
afterEach(() => fleet.stop());

const range = { since: '2026-11-22T10:00:00.000Z', until: '2026-11-22T11:00:00.000Z' };
const completeness: FlowCompleteness = {
  ...{ packetsCounted: 3, packetsUndecided: 0, packetsPending: 0, droppedByKernel: 0, lostByAgents: 0 },
  ...{ leftOutByAgents: 0, sectionsMissing: 0, packetsMissing: 0, recordsQuarantined: 0, recordsLost: 0 },
};
const run = (...args: string[]) =>
  runCommand(args, { env: { BPFLEET_SERVER: 'http://127.0.0.1:1', BPFLEET_ANALYTICS_SERVER: server } });
const counted = `3 packets counted from ${range.since} to ${range.until}`;

describe('flows', () => {
  it('shows who spoke with whom, and says beside the table what was counted', async () => {
    const { code, out, err } = await run('flows', 'tcp', 'port', '443', '-n', '1');
    expect(code).toBe(0);
    expect(out.split('\n').map((line) => line.replace(/ {2,}/g, ' | '))).toEqual([
      'LAST | AGENT | FILTERS | PROTOCOL | SOURCE | DESTINATION | PACKETS | BYTES | FLAGS',
      '2026-11-22T10:00:02.000000001Z | host-1 | web@3 | tcp | [2001:db8::1]:40000 | [2001:db8::2]:443 | 3 | 180 | syn,ack',
      '',
    ]);
    expect(err).toBe(`${counted}; there are more: raise --limit (1000 at most), or go on with --cursor abc\n`);
    expect(fleet.requests).toEqual(['GET /api/v1/flows?filter=tcp+port+443&limit=1']);
  });
  it('prints the answer of the server as JSON', async () => {
    const { out } = await run('flows', '-o', 'json');
    expect(JSON.parse(out)).toEqual(fleet.flows);
  });
  it('points at what a flow does not tell', async () => {
    const problem = {
      code: 'FILTER_UNSUPPORTED',
      title: 'x',
      detail: 'flows do not tell that',
      span: { start: 4, end: 9 },
    };
    fleet.problem = { status: 422, type: 'about:blank', ...problem };
    const { code, err } = await run('flows', 'tcp less 100');
    expect(code).not.toBe(0);
    expect(err).toContain('tcp less 100\n    ^^^^^');
  });
});

describe('timeline', () => {
  it('shows the steps', async () => {
    const { out, err } = await run(
      'timeline',
      '--since',
      '2h',
      '--step',
      '15m',
      '--agent',
      'host-1',
      '--version',
      'web',
    );
    expect(out).toBe(`TIME                      PACKETS  BYTES\n${range.since}        3    180\n`);
    expect(err).toBe(`${counted}\n`);
    expect(fleet.requests).toEqual(['GET /api/v1/timeline?since=2h&agent=host-1&version=web&step=15m']);
  });
});

describe('top', () => {
  it('shows the largest, with an estimate where packets were sampled, and what is undecided', async () => {
    const { out, err } = await run('top', '--by', 'host', '--order', 'packets');
    expect(out.split('\n').map((line) => line.trim().replace(/ {2,}/g, ' | '))).toEqual([
      'HOST | PACKETS | BYTES | EST. PACKETS | EST. BYTES',
      '10.0.0.1 | 3 | 180 | 30 | 1800',
      '10.0.0.2 | 1 | 60 | 1 | 60',
      '',
    ]);
    const gone = `from ${range.since} to 2026-11-22T10:30:00.000Z not all is kept any more`;
    expect(err).toBe(`${counted}; 2 undecided by their flows: ask bpfleet packets; ${gone}\n`);
    expect(fleet.requests).toEqual(['GET /api/v1/top?by=host&order=packets']);
  });
  it('refuses a key that it does not know', async () => {
    const { code, err } = await run('top', '--by', 'colour');
    expect([code, fleet.requests]).toEqual([2, []]);
    expect(err).toContain('agent, filter, host, port, protocol');
  });
});
