import { encodeProgram, fromTuples } from '@bpfleet/bpf';
import {
  type AgentStatus,
  controlApi,
  digestOf,
  type Evidence,
  type FilterState,
  type FilterVersion,
} from '@bpfleet/contract';
import { link } from '@bpfleet/pcap-filter';
import { nodeCrypto, PrivateKey } from '@bpfleet/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PcapFilterCompiler } from '../compile/pcap-filter-compiler.js';
import { type MemoryService, startMemoryService } from '../testing/memory-service.js';
import { TestAgent } from '../testing/test-agent.js';

const excluded = [{ address: '192.0.2.9', port: 9092 }];

/** What an agent's linker makes, by the agent's own code path: link, encode, hash. */
function linked(versions: readonly FilterVersion[], linkType = 'EN10MB'): string {
  const members = versions.map(({ digest, snaplenBytes, programs }) => {
    const program = programs.find((one) => one.linkType === linkType)!;
    if (program.target !== 'cbpf') throw new Error('not a classic program');
    return { digest: digest.replace('sha256:', ''), program: fromTuples(program.instructions), snaplenBytes };
  });
  const { program } = link({ linkerVersion: 1, target: 'cbpf', linkType, cooked: false, excluded, members });
  return digestOf(encodeProgram(program), nodeCrypto);
}

describe('the states of a status', () => {
  let service: MemoryService;
  let agent: TestAgent;
  let web: FilterVersion;
  let dns: FilterVersion;
  beforeEach(async () => {
    service = await startMemoryService(undefined, new PcapFilterCompiler());
    agent = await new TestAgent('a', service.url).register();
    const create = (name: string, expression: string) =>
      service.client.call(controlApi.createFilter, { body: { name, expression } });
    web = (await create('web', 'tcp port 443')).latest;
    dns = (await create('dns', 'udp port 53')).latest;
  });
  afterEach(() => service.close());

  const of = (version: FilterVersion, changed: Partial<FilterState> = {}): FilterState => ({
    ...{ filter: version.filter, version: version.version, digest: version.digest },
    ...{ interface: 'eth0', linkType: 'EN10MB', state: 'attested', ...changed },
  });
  /** `web attested` */
  async function shown(status: Partial<AgentStatus>): Promise<string[]> {
    await agent.report(status);
    const { status: stored } = await service.client.call(controlApi.getAgent, { path: { id: 'a' } });
    return stored!.filters.map(({ filter, state }) => `${filter} ${state}`);
  }
  const outcomes = async () => {
    const text = await (await fetch(`${service.url}/metrics`)).text();
    const found = text.matchAll(/^bpfleet_filter_manager_statements_total\{outcome="([^"]+)"\} (\d+)$/gm);
    return Object.fromEntries([...found].map(([, outcome, count]) => [outcome, Number(count)]));
  };
  const both = () => [web.digest, dns.digest];

  it('are attested by a signed statement over the program that the service computes, too', async () => {
    const statements = [agent.state({ members: both(), excluded, hash: linked([dns, web]) })];
    expect(await shown({ filters: [of(web), of(dns)], statements })).toEqual(['web attested', 'dns attested']);
    expect(await outcomes()).toEqual({ good: 1 });
  });
  it('are reported when no statement is about them', async () => {
    const statements = [agent.state({ members: [web.digest], excluded, hash: linked([web]) })];
    const filters = [of(web), of(dns), of(web, { interface: 'eth1' }), of(web, { linkType: 'RAW' })];
    expect(await shown({ filters, statements })).toEqual([
      'web attested',
      'dns reported',
      'web reported',
      'web reported',
    ]);
    expect(await shown({ filters: [of(web)] })).toEqual(['web reported']);
  });
  it('are diverged when the kernel runs another program than it should', async () => {
    const statements = [agent.state({ members: both(), excluded, hash: linked([web]) })];
    expect(await shown({ filters: [of(web)], statements })).toEqual(['web diverged']);
    expect(await outcomes()).toEqual({ 'other program': 1 });
  });
  it.each<[string, (members: string[], hash: string) => ReturnType<TestAgent['state']>, string]>([
    [
      'by another key',
      (members, hash) => agent.state({ members, excluded, hash }, PrivateKey.generate()),
      'not signed by the agent',
    ],
    [
      'for another agent',
      (members, hash) => agent.state({ agent: 'b', members, excluded, hash }),
      'not signed by the agent',
    ],
    [
      'for another epoch',
      (members, hash) => agent.state({ epoch: 2, members, excluded, hash }),
      'not signed by the agent',
    ],
    ['of another time', (members, hash) => agent.state({ nonce: 'old', members, excluded, hash }), 'stale'],
    [
      'of members that nobody made',
      (_, hash) => agent.state({ members: [`sha256:${'1'.repeat(64)}`], excluded, hash }),
      'unknown members',
    ],
    [
      'of a linker that nobody knows',
      (members, hash) => agent.state({ linkerVersion: 99, members, excluded, hash }),
      'unknown members',
    ],
  ])('count no statement %s', async (_name, make, outcome) => {
    const statements = [make([web.digest], linked([web]))];
    expect(await shown({ filters: [of(web)], statements })).toEqual(['web reported']);
    expect(await outcomes()).toEqual({ [outcome]: 1 });
  });
  it('count a statement with the nonce before last: an answer may not have arrived, and no older one', async () => {
    const { nonce } = agent;
    const statement = () => agent.state({ nonce, members: [web.digest], excluded, hash: linked([web]) });
    for (const state of ['attested', 'attested', 'reported']) {
      expect(await shown({ filters: [of(web)], statements: [statement()] })).toEqual([`web ${state}`]);
    }
  });
  it('need the evidence that their name says', async () => {
    const loaded: Extract<Evidence, { kind: 'loaded' }> = {
      ...{ kind: 'loaded', tag: '0123456789abcdef', tagHash: 'sha1', maps: [], mapsFrozen: true },
      canary: { packets: 5, passed: 5 },
    };
    const state = (evidence: Parameters<TestAgent['state']>[0]['evidence'], target: 'cbpf' | 'ebpf' = 'ebpf') =>
      agent.state({ members: [web.digest], excluded, target, hash: linked([web]), ...(evidence ? { evidence } : {}) });
    const filters = [of(web, { state: 'attested (loaded)' })];
    expect(await shown({ filters, statements: [state(loaded)] })).toEqual(['web attested (loaded)']);
    for (const wrong of [
      { ...loaded, mapsFrozen: false },
      { ...loaded, canary: { packets: 5, passed: 4 } },
      { kind: 'read back' } satisfies Evidence,
    ]) {
      expect(await shown({ filters, statements: [state(wrong)] })).toEqual(['web reported']);
    }
    const none = state({ kind: 'none', reason: 'cap' }, 'cbpf');
    expect(await shown({ filters: [of(web)], statements: [none] })).toEqual(['web reported']);
  });
  it('are left alone where they claim nothing', async () => {
    const states = ['pending', 'reported', 'diverged', 'refused', 'not applicable'] as const;
    const filters = states.map((state) => of(web, { state }));
    expect(await shown({ filters })).toEqual(states.map((state) => `web ${state}`));
  });
});
