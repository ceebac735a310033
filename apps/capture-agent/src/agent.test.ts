import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Bus, InProcessBus, type Producer } from '@bpfleet/bus';
import type { AgentStatus } from '@bpfleet/contract';
import { createLogger, createMetrics } from '@bpfleet/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CaptureAgent } from './agent.js';
import { fileSource } from './choose-source.js';
import { AgentConfig } from './config.js';
import { createAgent } from './create-agent.js';
import { FakeFilterManager } from './testing/fake-filter-manager.js';
import { SigningService } from './testing/signing-service.js';

const RECORDING = fileURLToPath(new URL('../../../tests/fixtures/first-five-minutes.pcap', import.meta.url));
const web = { filter: 'web', version: 1, expression: 'tcp port 80' };
const dns = { filter: 'dns', version: 1, expression: 'udp port 53' };

/** Acknowledges what it is sent at once. */
class TakingBus extends InProcessBus {
  override producer(): Producer {
    return { start: async () => {}, send: async () => {}, stop: async () => {} };
  }
}

describe('an agent', () => {
  let folder: string;
  const running: { stop(): Promise<void> }[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-agent-'));
  });
  afterEach(async () => {
    for (const one of running.splice(0).reverse()) await one.stop();
    rmSync(folder, { recursive: true });
  });

  async function filterManager(service: SigningService): Promise<FakeFilterManager> {
    const fake = new FakeFilterManager(service);
    await fake.start();
    running.push(fake);
    return fake;
  }
  /** One that replays a recording: it needs no rights. */
  async function agentOf(server: string, bus: Bus = new InProcessBus()): Promise<CaptureAgent> {
    const source = await fileSource({ file: RECORDING, speed: 'full', times: 'recorded', repeat: false });
    const agent = createAgent(AgentConfig.parse({ agentId: 'agent-1', agentStateDir: folder, server }), source, {
      bus,
      logger: createLogger({ name: 'test', level: 'silent' }),
      registry: createMetrics(),
      onFatal: (error) => {
        throw error;
      },
    });
    await agent.start();
    running.push(agent);
    return agent;
  }
  it('refuses a spool folder that another one uses, says which process that is, and takes it once that has stopped', async () => {
    const service = await filterManager(new SigningService('agent-1'));
    const first = await agentOf(service.url);
    const refusal = {
      code: 'DATA_IN_USE',
      message: expect.stringContaining(`${join(folder, 'spool')} is in use by process ${process.pid} `),
    };
    await expect(agentOf(service.url)).rejects.toMatchObject(refusal);
    await first.stop();
    await agentOf(service.url);
  });

  it('reports when it stops what became of all its packets', async () => {
    const service = await filterManager(new SigningService('agent-1'));
    service.order = service.signing.desire([web]);
    const agent = await agentOf(service.url, new TakingBus());
    await expect.poll(() => filtersOf(service.statuses.at(-1)), { timeout: 15_000 }).toEqual(['web@1 reported']);
    await agent.stop();
    const { matched, stored } = service.statuses.at(-1)!.ledger!.filters[0]!;
    expect(matched).toBeGreaterThan(0);
    expect(service.statuses.at(-1)!.ledger!.agent).toMatchObject({
      ...{ captured: matched, spooledPackets: stored, sentPackets: stored, evictedPackets: 0, carriedPackets: 0 },
    });
  });

  const filtersOf = (status: AgentStatus | undefined) =>
    status?.filters.map(({ filter, version, state }) => `${filter}@${version} ${state}`);

  it('goes on with what it runs when the filter-manager has other keys, says so, and follows the right one again', async () => {
    const own = new SigningService('agent-1');
    const first = await filterManager(own);
    first.order = own.desire([web]);
    const agent = await agentOf(first.url);
    await expect.poll(() => filtersOf(first.statuses.at(-1)), { timeout: 15_000 }).toEqual(['web@1 reported']);
    await agent.stop();

    const strange = new SigningService('agent-1');
    const second = await filterManager(strange);
    second.order = strange.desire([dns], { generation: 100 });
    await agentOf(second.url);
    await expect
      .poll(() => second.statuses.at(-1)?.errors)
      .toEqual([
        {
          code: 'SIGNATURE_INVALID',
          message: expect.stringMatching(/keys that the agent does not trust.*is it the one the agent enrolled with/),
          at: expect.any(String),
        },
      ]);
    await expect.poll(() => filtersOf(second.statuses.at(-1))).toEqual(['web@1 reported']);

    second.order = own.desire([web, dns]);
    await expect
      .poll(() => filtersOf(second.statuses.at(-1)), { timeout: 15_000 })
      .toEqual(['web@1 reported', 'dns@1 reported']);
    expect(second.statuses.at(-1)!.errors).toEqual([]);
  });
});
