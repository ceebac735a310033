import { ApiClient, type Registry } from '@bpfleet/contract';
import { createLogger } from '@bpfleet/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RegistryServer } from '../testing/registry-server.js';
import { SigningAgent } from '../testing/signing-agent.js';
import { RegistryKeeper, type RegistryMemory } from './registry-keeper.js';
import { HttpRegistrySource } from './registry-source.js';

class FakeMemory implements RegistryMemory {
  kept: Registry | undefined;
  isAway = false;

  async read(): Promise<Registry | undefined> {
    if (this.isAway) throw new Error('away');
    return this.kept;
  }
  async keep(registry: Registry): Promise<void> {
    if (this.isAway) throw new Error('away');
    this.kept = registry;
  }
}

const agent = new SigningAgent('host-1');
const key = agent.identity.publicKey;
let server: RegistryServer;
let memory: FakeMemory;
const keepers: RegistryKeeper[] = [];

async function start(): Promise<RegistryKeeper> {
  const logger = createLogger({ name: 'test', level: 'silent' });
  const source = new HttpRegistrySource(new ApiClient({ server: server.url }));
  const keeper = new RegistryKeeper(source, memory, logger, 10);
  keepers.push(keeper);
  await keeper.start();
  return keeper;
}
const knows = (keeper: RegistryKeeper) => expect.poll(() => keeper.keys.of('host-1').current).toEqual([key]);

beforeEach(async () => {
  server = await new RegistryServer().start();
  memory = new FakeMemory();
});
afterEach(async () => {
  await Promise.all(keepers.splice(0).map((keeper) => keeper.stop()));
  await server.stop();
});

describe('the registry of a filter-manager', () => {
  it('is refused where it is larger than any', async () => {
    server.set([agent.inRegistry()]);
    const source = new HttpRegistrySource(new ApiClient({ server: server.url }), 100);
    await expect(source.fetch(undefined, '0s', AbortSignal.timeout(10_000))).rejects.toMatchObject({
      code: 'ANSWER_TOO_LARGE',
    });
  });
});

describe('the keeper of the registry', () => {
  it('hears of every change, and keeps the last one', async () => {
    const keeper = await start();
    await expect.poll(() => server.answers).toBe(1);
    server.set([agent.inRegistry()]);
    await knows(keeper);
    server.set([agent.inRegistry('2026-11-22T10:00:00Z')]);
    await expect.poll(() => keeper.keys.of('host-1')).toEqual({ current: [], revoked: [key] });
    await expect.poll(() => memory.kept?.revision).toBe(3);
  });
  it('goes by the kept one while the filter-manager is away, and by the new one when it is back', async () => {
    memory.kept = { revision: 1, agents: [agent.inRegistry()], filters: [], versions: [] };
    await server.stop();
    const keeper = await start();
    expect(keeper.keys.of('host-1').current).toEqual([key]);
    expect(await keeper.refresh()).toBe(false);
    server.set([]);
    await server.start();
    await expect.poll(() => keeper.keys.of('host-1').current).toEqual([]);
  });
  it('does not ask all the time where something in between does not hold the call', async () => {
    server.ignoresWait = true;
    const startMs = performance.now();
    await start();
    await expect.poll(() => server.requests, { timeout: 10_000 }).toBeGreaterThanOrEqual(4);
    // Two pauses at the least: a timer is never early by more than its grain.
    expect(performance.now() - startMs).toBeGreaterThan(700);
  });
  it('asks now when it is told to, though a call is held', async () => {
    const keeper = await start();
    await expect.poll(() => server.answers).toBe(1);
    server.set([agent.inRegistry()], false);
    expect(await keeper.refresh()).toBe(true);
    expect(keeper.keys.of('host-1').current).toEqual([key]);
  });
  it('asks anew for whoever comes while it asks: what happened meanwhile may not be in the answer', async () => {
    const keeper = await start();
    await expect.poll(() => server.answers).toBe(1);
    await keeper.refresh();
    const first = keeper.refresh();
    server.set([agent.inRegistry()], false);
    await Promise.all([first, keeper.refresh(), keeper.refresh()]);
    expect(keeper.keys.of('host-1').current).toEqual([key]);
  });
  it('works without a database, and reads it when it is there', async () => {
    memory.kept = { revision: 1, agents: [agent.inRegistry()], filters: [], versions: [] };
    memory.isAway = true;
    await server.stop();
    const keeper = await start();
    expect(keeper.keys.of('host-1').current).toEqual([]);
    memory.isAway = false;
    await knows(keeper);
  });
  it('is not stopped by an answer that is none', async () => {
    const keeper = await start();
    server.set([{ id: '../x' } as never]);
    server.set([agent.inRegistry()], false);
    await knows(keeper);
  });
  it('leaves a call that is held when it stops', async () => {
    const keeper = await start();
    await expect.poll(() => server.answers).toBe(1);
    await keeper.stop();
  });
});
