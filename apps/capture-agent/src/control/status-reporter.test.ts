import { AgentStatus, type Route } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentClient } from './agent-client.js';
import { StatusReporter } from './status-reporter.js';

const facts = { hostname: 'h', operatingSystem: 'linux', kernel: '6.1', architecture: 'x64', agentVersion: '0.1.0' };
const sections = { sent: 0, pending: 0, dropped: 0, packetsDropped: 0 };

/** Takes statuses as the filter-manager does, with a new nonce each time. */
class FakeClient {
  readonly taken: AgentStatus[] = [];
  isAway = false;

  readonly call = async (_route: Route, { body }: { body?: unknown }) => {
    if (this.isAway) throw new BpfleetError('SERVER_UNREACHABLE', 'away');
    this.taken.push(AgentStatus.parse(body));
    return { serverTime: 'now', nonce: `nonce ${this.taken.length}` };
  };
}

describe('StatusReporter', () => {
  let client: FakeClient;
  let nonces: (string | undefined)[];
  let enrol: () => void;
  let reporter: StatusReporter;
  let isBusy: boolean;
  let log: string;
  beforeEach(() => {
    isBusy = false;
    log = '';
    client = new FakeClient();
    nonces = [];
    const enrolled = new Promise<void>((resolve) => {
      enrol = resolve;
    });
    const collect = async (nonce: string | undefined) => {
      nonces.push(nonce);
      if (isBusy) await new Promise(() => {});
      return {
        ...{ agent: 'a', labels: {}, generation: 1, epoch: 1, source: 'ring' as const, facts, sections },
        ...{ interfaces: [], filters: [], errors: [] },
      };
    };
    const fail = (error: unknown) => {
      throw error;
    };
    const logger = pino({ level: 'warn' }, { write: (line) => (log += line) });
    reporter = new StatusReporter(client as unknown as AgentClient, logger, enrolled, collect, fail);
    reporter.start();
  });
  afterEach(() => reporter.stop());
  const sequences = () => client.taken.map(({ sequence }) => sequence);

  it('says nothing before the agent has enrolled, and tells when it is registered', async () => {
    await new Promise(setImmediate);
    expect(client.taken).toEqual([]);
    enrol();
    await reporter.registered;
    expect(sequences()[0]).toBe(0);
  });
  it('reports again at once when it has a nonce: before that nothing is attested', async () => {
    enrol();
    await expect.poll(sequences).toEqual([0, 1]);
    expect(nonces).toEqual([undefined, 'nonce 1']);
  });
  it('reports what changed, with the nonce of the answer before', async () => {
    enrol();
    await expect.poll(sequences).toEqual([0, 1]);
    reporter.changed();
    await expect.poll(sequences).toEqual([0, 1, 2]);
    expect(nonces.at(-1)).toBe('nonce 2');
  });
  it('reports each interval', async () => {
    reporter.intervalMs = 5;
    enrol();
    await expect.poll(() => client.taken.length).toBeGreaterThan(4);
  });
  it('reports once more what the agent ends with, and waits for no filter-manager that is away', async () => {
    enrol();
    await expect.poll(sequences).toEqual([0, 1]);
    await reporter.stop();
    reporter.changed();
    await reporter.last();
    expect(sequences()).toEqual([0, 1, 2]);
    expect(nonces.at(-1)).toBe('nonce 2');
    client.isAway = true;
    await reporter.last();
    expect(sequences()).toEqual([0, 1, 2]);
  });
  it('keeps the nonce while no status arrives: by another one the opener knows that one did', async () => {
    enrol();
    await expect.poll(sequences).toEqual([0, 1]);
    await reporter.stop();
    client.isAway = true;
    for (let lost = 0; lost < 2; lost++) await reporter.last();
    client.isAway = false;
    for (let arrived = 0; arrived < 2; arrived++) await reporter.last();
    expect(nonces.slice(2)).toEqual(['nonce 2', 'nonce 2', 'nonce 2', 'nonce 3']);
  });
  it('names the capture thread, and no filter-manager, where that thread does not tell its counters', async () => {
    enrol();
    await expect.poll(sequences).toEqual([0, 1]);
    await reporter.stop();
    isBusy = true;
    await reporter.last();
    expect(log).toContain('TOO_BUSY');
    expect(log).not.toContain('filter-manager has not');
  });
  it('has no last word for a filter-manager that never heard of it', async () => {
    await reporter.stop();
    await reporter.last();
    expect(nonces).toEqual([]);
  });
  it('tries again while the filter-manager is away', async () => {
    client.isAway = true;
    enrol();
    await expect.poll(() => nonces.length).toBeGreaterThan(0);
    client.isAway = false;
    await expect.poll(() => client.taken.length, { timeout: 5000 }).toBeGreaterThan(0);
  });
});
