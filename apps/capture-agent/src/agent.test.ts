import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Bus, InProcessBus, type Producer } from '@bpfleet/bus';
import type { AgentStatus } from '@bpfleet/contract';
import { createMetrics } from '@bpfleet/service';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AgentParts, CaptureAgent } from './agent.js';
import { readRecording } from './capture/read-recording.js';
import { fileSource } from './choose-source.js';
import { AgentConfig } from './config.js';
import { createAgent } from './create-agent.js';
import { FakeFilterManager } from './testing/fake-filter-manager.js';
import { SigningService } from './testing/signing-service.js';

const RECORDING = fileURLToPath(new URL('../../../tests/fixtures/first-five-minutes.pcap', import.meta.url));
const web = { filter: 'web', version: 1, expression: 'tcp port 80' };
/** What is awaited may take long on a busy machine: one second, the default, would be an assertion on time. */
const BUSY = { timeout: 15_000 };
const dns = { filter: 'dns', version: 1, expression: 'udp port 53' };

/** Acknowledges what it is sent at once. */
class TakingBus extends InProcessBus {
  override producer(): Producer {
    return { start: async () => {}, send: async () => {}, stop: async () => {} };
  }
}

/** Brokers that say where they are when they are let. */
class SilentBus extends InProcessBus {
  answer!: (endpoints: readonly string[]) => void;
  readonly sent: string[] = [];
  readonly #endpoints = new Promise<readonly string[]>((resolve) => {
    this.answer = resolve;
  });

  override endpoints(): Promise<readonly string[]> {
    return this.#endpoints;
  }

  override producer(): Producer {
    return { start: async () => {}, send: async (topic) => void this.sent.push(topic), stop: async () => {} };
  }
}

describe('an agent', () => {
  let folder: string;
  const running: { stop(): Promise<void> }[] = [];
  const log: Record<string, unknown>[] = [];
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
  async function agentOf(
    server: string,
    bus: Bus = new InProcessBus(),
    file = RECORDING,
    registry = createMetrics(),
    more: Pick<AgentParts, 'beforeNetwork'> = {},
  ): Promise<CaptureAgent> {
    const recording = await readRecording(file);
    const source = fileSource(recording, { speed: 'full', times: 'recorded', repeat: false });
    const agent = createAgent(AgentConfig.parse({ agentId: 'agent-1', agentStateDir: folder, server }), source, {
      bus,
      logger: pino({ level: 'info' }, { write: (line: string) => void log.push(JSON.parse(line)) }),
      registry,
      onFatal: (error) => {
        throw error;
      },
      ...more,
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

  it('replays what is whole of a file that was cut, says what is wrong, and says when it is over', async () => {
    const file = join(folder, 'cut.pcap');
    writeFileSync(file, readFileSync(RECORDING).subarray(0, -7));
    const service = await filterManager(new SigningService('agent-1'));
    service.order = service.signing.desire([web]);
    await agentOf(service.url, new TakingBus(), file);
    await expect.poll(() => log.find(({ msg }) => String(msg).startsWith('the replay is over')), BUSY).toBeDefined();
    const over = log.find(({ msg }) => String(msg).startsWith('the replay is over'))!;
    expect(over).toMatchObject({ file, packets: expect.any(Number), matched: 20, 'stored web@1': 20 });
    const cut = expect.stringMatching(/cut\.pcap: .*ends after .*; the \d+ packets before it are replayed/);
    expect(log).toContainEqual(expect.objectContaining({ level: 40, msg: cut }));
    const said = { code: 'CAPTURE_FILE_CORRUPT', message: cut, at: expect.any(String) };
    await expect.poll(() => service.statuses.at(-1)?.errors, BUSY).toContainEqual(said);
  });

  it('asks nobody anything before it is done with what comes before the network, threads among it', async () => {
    const service = await filterManager(new SigningService('agent-1'));
    const bus = new SilentBus();
    const calls = [vi.spyOn(bus, 'endpoints'), vi.spyOn(bus, 'producer')];
    let isRunning: boolean | undefined;
    let done = (): void => {};
    const beforeNetwork = () => {
      // The capture thread makes it.
      isRunning = existsSync(join(folder, 'spool/open-section'));
      return new Promise<void>((resolve) => {
        done = resolve;
      });
    };
    const starting = agentOf(service.url, bus, RECORDING, createMetrics(), { beforeNetwork });
    await expect.poll(() => isRunning, BUSY).toBe(true);
    // As long as requests would take.
    await delay(100);
    expect([service.requests, ...calls.map(({ mock }) => mock.calls.length)]).toEqual([0, 0, 0]);
    done();
    await starting;
    await expect.poll(() => service.requests, BUSY).toBeGreaterThan(0);
  });

  it('reports when it stops what became of all its packets', async () => {
    const service = await filterManager(new SigningService('agent-1'));
    service.order = service.signing.desire([web]);
    const agent = await agentOf(service.url, new TakingBus());
    await expect.poll(() => filtersOf(service.statuses.at(-1)), BUSY).toEqual(['web@1 reported']);
    await agent.stop();
    const { matched, stored } = service.statuses.at(-1)!.ledger!.filters[0]!;
    expect(matched).toBeGreaterThan(0);
    expect(service.statuses.at(-1)!.ledger!.agent).toMatchObject({
      ...{ captured: matched, spooledPackets: stored, sentPackets: stored, evictedPackets: 0, carriedPackets: 0 },
    });
  });

  it('says no more that the disk refuses its key once that takes it, though no section comes', async () => {
    const service = await filterManager(new SigningService('agent-1'));
    mkdirSync(join(folder, 'spool'));
    // Root may write anywhere but into a file.
    writeFileSync(join(folder, 'spool', 'keys'), '');
    const agent = await agentOf(service.url);
    const refused = () => service.statuses.at(-1)?.errors.filter(({ message }) => message.includes('keeping that of'));
    await expect.poll(refused, BUSY).toMatchObject([{ code: 'DATA_NOT_WRITABLE' }]);
    rmSync(join(folder, 'spool', 'keys'));
    await expect.poll(refused, BUSY).toEqual([]);
    expect(readdirSync(join(folder, 'spool', 'keys'))).toEqual([`${agent.epoch}.json`]);
  }, 20_000);

  it('has in its metrics what its status says', async () => {
    const service = await filterManager(new SigningService('agent-1'));
    service.order = service.signing.desire([web, { ...dns, sampling: 3 }]);
    const registry = createMetrics();
    const agent = await agentOf(service.url, new TakingBus(), RECORDING, registry);
    await expect.poll(() => filtersOf(service.statuses.at(-1)), BUSY).toHaveLength(2);
    await agent.stop();
    const { ledger, epoch, generation } = service.statuses.at(-1)!;
    const metrics = await registry.metrics();
    const value = (series: string) =>
      Number(
        metrics
          .split('\n')
          .find((line) => line.startsWith(`bpfleet_agent_${series} `))
          ?.split(' ')[1],
      );
    const [socket] = ledger!.sockets;
    expect(value('captured_packets_total{interface="file"}')).toBe(socket!.captured);
    expect(value('kernel_passed_packets_total{interface="file"}')).toBe(socket!.passed);
    expect(ledger!.filters.map(({ version }) => version)).toEqual(['web@1', 'dns@1']);
    for (const { version, ...row } of ledger!.filters) {
      const of = (name: string) => value(`filter_${name}_total{filter="${version.split('@')[0]}",version="1"}`);
      expect([of('matched_packets'), of('stored_packets'), of('stored_bytes')]).toEqual([
        ...[row.matched, row.stored, row.storedBytes],
      ]);
      expect([of('sampled_out_packets'), of('over_budget_packets'), of('truncated_packets')]).toEqual([
        ...[row.sampledOut, row.budgetDropped, row.truncated],
      ]);
    }
    expect(ledger!.filters[1]!.sampledOut).toBeGreaterThan(0);
    expect(value('filters{state="reported"}')).toBe(2);
    expect(value('lost_packets_total{reason="evicted"}')).toBe(ledger!.agent.evictedPackets);
    expect([value('epoch'), value('generation'), value('confined')]).toEqual([epoch, generation, 0]);
  });

  it('says that a replay is over whose link type fits no filter', async () => {
    const file = join(folder, 'wpan.pcap');
    // pcap's header (magic, version 2.4, snaplen, LINKTYPE_IEEE802_15_4_WITHFCS) and a packet of one byte.
    const header = 'd4c3b2a1020004000000000000000000ffff0000c3000000';
    writeFileSync(file, Buffer.from(`${header}00000000000000000100000001000000ff`, 'hex'));
    const service = await filterManager(new SigningService('agent-1'));
    service.order = service.signing.desire([web]);
    await agentOf(service.url, new TakingBus(), file);
    const over = () => log.filter((line) => line.file === file && String(line.msg).startsWith('the replay is over'));
    await expect.poll(over, BUSY).toMatchObject([{ packets: 1, matched: 0 }]);
    await expect.poll(() => filtersOf(service.statuses.at(-1)), BUSY).toEqual(['web@1 not applicable']);
    service.order = service.signing.desire([web, dns]);
    await expect.poll(() => filtersOf(service.statuses.at(-1))?.length, BUSY).toBe(2);
    expect(over()).toHaveLength(1);
  });

  it('captures while the brokers accept connections and say nothing, and sends only once it knows where they are', async () => {
    const service = await filterManager(new SigningService('agent-1'));
    service.order = service.signing.desire([web]);
    const bus = new SilentBus();
    await agentOf(service.url, bus);
    await expect.poll(() => filtersOf(service.statuses.at(-1)), BUSY).toEqual(['web@1 reported']);
    await expect.poll(() => log.find(({ msg }) => String(msg).startsWith('the replay is over')), BUSY).toBeDefined();
    expect(bus.sent).toEqual([]);
    bus.answer(['192.0.2.1:9092']);
    await expect.poll(() => bus.sent.length, BUSY).toBeGreaterThan(0);
  });

  const filtersOf = (status: AgentStatus | undefined) =>
    status?.filters.map(({ filter, version, state }) => `${filter}@${version} ${state}`);

  it('goes on with what it runs when the filter-manager has other keys, says so, and follows the right one again', async () => {
    const own = new SigningService('agent-1');
    const first = await filterManager(own);
    first.order = own.desire([web]);
    const agent = await agentOf(first.url);
    await expect.poll(() => filtersOf(first.statuses.at(-1)), BUSY).toEqual(['web@1 reported']);
    await agent.stop();

    const strange = new SigningService('agent-1');
    const second = await filterManager(strange);
    second.order = strange.desire([dns], { generation: 100 });
    await agentOf(second.url);
    await expect
      .poll(() => second.statuses.at(-1)?.errors, BUSY)
      .toEqual([
        {
          code: 'SIGNATURE_INVALID',
          message: expect.stringMatching(/keys that the agent does not trust.*is it the one the agent enrolled with/),
          at: expect.any(String),
        },
      ]);
    await expect.poll(() => filtersOf(second.statuses.at(-1)), BUSY).toEqual(['web@1 reported']);

    second.order = own.desire([web, dns]);
    await expect.poll(() => filtersOf(second.statuses.at(-1)), BUSY).toEqual(['web@1 reported', 'dns@1 reported']);
    expect(second.statuses.at(-1)!.errors).toEqual([]);
  });

  it('tells the highest generation that it accepted, above which a filter-manager that forgot it goes on', async () => {
    const signing = new SigningService('agent-1');
    const service = await filterManager(signing);
    service.order = signing.desire([web], { generation: 902 });
    const agent = await agentOf(service.url);
    await expect.poll(() => filtersOf(service.statuses.at(-1)), BUSY).toEqual(['web@1 reported']);
    await agent.stop();
    rmSync(join(folder, 'control'), { recursive: true });
    // Of a database that was restored.
    service.order = signing.desire([web], { generation: 3 });
    log.length = 0;
    await agentOf(service.url);
    await expect
      .poll(() => service.statuses.at(-1), BUSY)
      .toMatchObject({ generation: 902, filters: [], errors: [{ code: 'VERSION_CONFLICT' }] });
    expect(log.map(({ msg }) => msg)).toContain('no desired state yet');
    service.order = signing.desire([web], { generation: 903 });
    await expect.poll(() => filtersOf(service.statuses.at(-1)), BUSY).toEqual(['web@1 reported']);
    expect(service.statuses.at(-1)).toMatchObject({ generation: 903, errors: [] });
  });
});
