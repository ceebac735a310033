import type { Agent } from '@bpfleet/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeFleet } from '../../fakes/fake-fleet.js';
import { runCommand } from '../../fakes/fake-terminal.js';

let fleet: FakeFleet;
let server: string;
beforeEach(async () => {
  fleet = new FakeFleet();
  server = await fleet.start();
});
afterEach(() => fleet.stop());

const web = { filter: 'web', version: 3, digest: `sha256:${'0'.repeat(64)}`, linkType: 'EN10MB' };
const agent = (id: string): Agent => ({
  id,
  labels: { env: 'prod', role: 'web' },
  generation: 5,
  lastHeardAt: '2026-11-22T10:04:48.000Z',
  status: {
    agent: id,
    sequence: 9,
    labels: { env: 'prod' },
    generation: 4,
    epoch: 1,
    source: 'ring',
    confined: true,
    facts: { hostname: id, operatingSystem: 'Debian 12', kernel: '6.1.0', architecture: 'x64', agentVersion: '0.1.0' },
    interfaces: [],
    filters: [
      {
        ...{ ...web, interface: 'eth0', state: 'attested', selfTest: { packets: 48, inKernel: 41 } },
        counters: { matched: 12, droppedByKernel: 2, captured: 10 },
      },
      { ...web, interface: 'eth2', state: 'attested', counters: { matched: 0, droppedByKernel: 2, captured: 0 } },
      { ...web, interface: 'eth1', state: 'refused', reason: 'EPERM' },
    ],
    sections: { sent: 1, pending: 0, dropped: 0, packetsDropped: 0 },
    ledger: {
      sockets: [{ interface: '*', sharedBy: 20, filters: ['web@3'], passed: 12, droppedByKernel: 2, captured: 10 }],
      filters: [],
      agent: {
        ...{ captured: 10, spooledSections: 1, spooledPackets: 10, sentSections: 1, sentPackets: 10 },
        ...{ evictedSections: 0, evictedPackets: 0 },
      },
    },
    errors: [],
  },
});

describe('agent get', () => {
  it('shows each agent: whether it follows, what it runs, what went wrong first', async () => {
    fleet.agents = [agent('host-1')];
    const { code, out } = await runCommand(['agent', 'get', '--server', server]);
    expect(code).toBe(0);
    expect(out).toBe(
      'ID      HEARD    GENERATION  SOURCE  CONFINED  FILTERS                        DROPPED  KERNEL  LABELS\n' +
        'host-1  12s ago      4 of 5  ring    yes       web@3 (web@3 refused on eth1)        2  6.1.0   env=prod,role=web\n',
    );
  });

  it.each([
    ['file', false, 'file    no '],
    ['ring', undefined, 'ring    unknown '],
  ] as const)('shows the source %s and whether the agent is confined: %s', async (source, confined, shown) => {
    const [one] = [agent('host-1')];
    const { confined: _, ...status } = one.status!;
    fleet.agents = [{ ...one, status: { ...status, source, ...(confined === undefined ? {} : { confined }) } }];
    const { out } = await runCommand(['agent', 'get', '--server', server]);
    expect(out).toContain(`4 of 5  ${shown}`);
  });

  it('names five filters of an agent that runs more, and how many more', async () => {
    const busy = agent('host-1');
    const names = Array.from({ length: 7 }, (_, number) => `f${number}`);
    busy.status!.filters = names.map((filter) => ({ ...web, filter, interface: 'eth0', state: 'attested' }));
    fleet.agents = [busy];
    const { out } = await runCommand(['agent', 'get', '--server', server]);
    expect(out).toContain('  f0@3,f1@3,f2@3,f3@3,f4@3 and 2 more  ');
  });

  it('shows an agent that has said nothing yet', async () => {
    const { status: _, ...silent } = agent('host-1');
    fleet.agents = [silent];
    const { out } = await runCommand(['agent', 'get', '--server', server]);
    expect(out).toMatch(/host-1\s+12s ago\s+none of 5\s+none\s+0\s+env=prod,role=web\n$/);
  });

  it('shows the state of each filter on each interface of one agent', async () => {
    fleet.agents = [agent('host-1')];
    const { out } = await runCommand(['agent', 'get', 'host-1', '--server', server]);
    expect(out).toMatch(/web@3 +eth1 +EN10MB +refused +EPERM\n/);
  });

  it('shows beside each state how many packets of the self-test ran in the kernel, and how many there were', async () => {
    fleet.agents = [agent('host-1')];
    const { out } = await runCommand(['agent', 'get', 'host-1', '--server', server]);
    expect(out).toMatch(/FILTER +INTERFACE +LINK TYPE +STATE +SELF-TEST +MATCHED/);
    expect(out).toMatch(/web@3 +eth0 +EN10MB +attested +41 of 48 in kernel +12 +2\n/);
    // Of an agent that does not say.
    expect(out).toMatch(/web@3 +eth2 +EN10MB +attested +0 +2\n/);
  });

  it('never lets an agent write to the terminal with control characters', async () => {
    const hostile = agent('host-1');
    hostile.status!.facts.kernel = '6.1\u001b[2J\u009b1m';
    fleet.agents = [hostile];
    const { code, out } = await runCommand(['agent', 'get', '--server', server]);
    expect(code).toBe(0);
    expect(out).toContain('6.1\ufffd[2J\ufffd1m');
  });

  it('prints every agent in the shape of the API', async () => {
    fleet.agents = ['a', 'b', 'c'].map(agent);
    const { out } = await runCommand(['agent', 'get', '-o', 'json', '--server', server]);
    expect(JSON.parse(out)).toEqual({ items: fleet.agents });
  });

  it('says that the server is not one of ours', async () => {
    fleet.agents = [{ ...agent('host-1'), generation: 'many' } as unknown as Agent];
    const { code, err } = await runCommand(['agent', 'get', '--server', server]);
    expect(code).toBe(1);
    expect(err).toMatch(/^error: http.* gave an answer that is not of this API: items\.0\.generation: /);
    expect(err).toContain('hint: is it bpfleet, of this version?');
  });

  it('says that an agent does not exist', async () => {
    expect(await runCommand(['agent', 'get', 'x', '--server', server])).toMatchObject({
      code: 1,
      err: 'error: there is no agent x (NOT_FOUND)\n',
    });
  });
});
