import { encodeProgram, fromTuples, type Program } from '@bpfleet/bpf';
import {
  type AgentStatus,
  controlApi,
  digestOf,
  type Evidence,
  type FilterState,
  type FilterVersion,
  type Statement,
} from '@bpfleet/contract';
import { byInterface, link } from '@bpfleet/pcap-filter';
import { nodeCrypto, PrivateKey } from '@bpfleet/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PcapFilterCompiler } from '../compile/pcap-filter-compiler.js';
import { type MemoryService, startMemoryService } from '../testing/memory-service.js';
import { TestAgent } from '../testing/test-agent.js';
import { expectedProgram } from './expected-program.js';

const excluded = [{ address: '192.0.2.9', port: 9092 }];

/** What an agent's linker makes, by the agent's own code path: link, encode, hash. */
const linked = (versions: readonly FilterVersion[]): string =>
  digestOf(encodeProgram(programLinked(versions)), nodeCrypto);

function programLinked(versions: readonly FilterVersion[], linkType = 'EN10MB'): Program {
  const members = versions.map(({ digest, snaplenBytes, programs }) => {
    const program = programs.find((one) => one.linkType === linkType)!;
    if (program.target !== 'cbpf') throw new Error('not a classic program');
    return { digest: digest.replace('sha256:', ''), program: fromTuples(program.instructions), snaplenBytes };
  });
  return link({ linkerVersion: 1, target: 'cbpf', linkType, cooked: false, excluded, members }).program;
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
  describe('of eBPF', () => {
    type Loaded = Extract<Evidence, { kind: 'loaded' }>;
    let lan: FilterVersion;
    beforeEach(async () => {
      const addresses = Array.from({ length: 3000 }, (_, index) => `10.0.${index >> 7}.${2 * (index & 127)}`);
      const body = { name: 'lan', expression: `host in {${addresses.join(',')}}` };
      lan = (await service.client.call(controlApi.createFilter, { body })).latest;
    });
    /** What an agent signs that runs a version as it should. */
    const named = { linkType: 'EN10MB', linkerVersion: 1, excluded, target: 'ebpf' as const };
    function goodOf(version: FilterVersion): { hash: string; evidence: Loaded } {
      const { hash, loaded } = expectedProgram(named, [version])!;
      const canary = { packets: 5, passed: 5 };
      const { tags, maps } = loaded!;
      return {
        hash,
        evidence: { kind: 'loaded', tag: tags.sha1, tagHash: 'sha1', maps: [...maps], mapsFrozen: true, canary },
      };
    }
    const shownOf = (version: FilterVersion, changed: Partial<Statement>) => {
      const filters = [of(version, { state: 'attested (loaded)' })];
      const members = [version.digest];
      const statement = agent.state({ members, excluded, target: 'ebpf', ...goodOf(version), ...changed });
      return shown({ filters, statements: [statement] });
    };
    const versions = { 'linked ones': () => web, 'one with a map': () => lan };

    it.each(Object.entries(versions))('are attested by program, tag and maps: %s', async (_, version) => {
      const { filter } = version();
      expect(await shownOf(version(), {})).toEqual([`${filter} attested (loaded)`]);
      const { tags } = expectedProgram(named, [version()])!.loaded!;
      const evidence = { ...goodOf(version()).evidence, tag: tags.sha256, tagHash: 'sha256' as const };
      expect(await shownOf(version(), { evidence })).toEqual([`${filter} attested (loaded)`]);
    });
    it.each<[string, (good: { hash: string; evidence: Loaded }) => Partial<Statement>]>([
      ['program', () => ({ hash: `sha256:${'1'.repeat(64)}` })],
      ['tag', ({ evidence }) => ({ evidence: { ...evidence, tag: '0123456789abcdef' } })],
      ['tag, by the other hash', ({ evidence }) => ({ evidence: { ...evidence, tagHash: 'sha256' } })],
      ['map', ({ evidence }) => ({ evidence: { ...evidence, maps: [`sha256:${'1'.repeat(64)}`] } })],
      ['number of maps', ({ evidence }) => ({ evidence: { ...evidence, maps: [] } })],
    ])('are diverged with another %s', async (_, changed) => {
      expect(await shownOf(lan, changed(goodOf(lan)))).toEqual(['lan diverged']);
    });
    it('are diverged when the kernel’s descriptors are of one that was not linked for it', async () => {
      expect(await shownOf(web, { evidence: goodOf(lan).evidence })).toEqual(['web diverged']);
    });
    it('know no program of one with maps beside others', async () => {
      expect(await shownOf(lan, { members: [lan.digest, web.digest] })).toEqual(['lan reported']);
    });
    it('need the evidence that their name says', async () => {
      const { evidence } = goodOf(web);
      for (const wrong of [
        { ...evidence, mapsFrozen: false },
        { ...evidence, canary: { packets: 5, passed: 4 } },
        { kind: 'read back' } satisfies Evidence,
        { kind: 'none', reason: 'a kernel that makes other tags' } satisfies Evidence,
      ]) {
        expect(await shownOf(web, { evidence: wrong })).toEqual(['web reported']);
      }
      const { hash } = goodOf(web);
      const evidenceOf = (kind: Evidence) =>
        agent.state({ members: [web.digest], excluded, target: 'ebpf', hash, evidence: kind });
      expect(await shown({ filters: [of(web)], statements: [evidenceOf({ kind: 'read back' })] })).toEqual([
        'web reported',
      ]);
    });
  });
  describe('of a socket of many interfaces', () => {
    const on = (name: string, index: number) => ({ name, index });
    const branches: NonNullable<Statement['branches']> = [
      { interfaces: [on('veth1', 5), on('veth2', 7)], linkType: 'EN10MB', members: [0, 1] },
      { interfaces: [{ ...on('lo', 1), isLoopback: true }], linkType: 'EN10MB', members: [1] },
      { interfaces: [on('tun0', 9)], linkType: 'RAW', members: [0] },
    ];
    /** As the agent makes it: each kind's linked program, behind the question where a packet was seen. */
    function hash(): string {
      const whole = byInterface(
        [
          { interfaces: [5, 7], program: programLinked([web, dns], 'EN10MB') },
          { interfaces: [1], program: programLinked([dns], 'EN10MB') },
          { interfaces: [9], program: programLinked([web], 'RAW') },
        ],
        1,
      );
      return digestOf(encodeProgram(whole), nodeCrypto);
    }
    const stated = (changed: Partial<Statement> = {}) =>
      agent.state({ interface: '*', linkType: '*', members: both(), branches, excluded, hash: hash(), ...changed });

    it('are attested where a branch says that they run', async () => {
      const filters = [
        ...[of(web, { interface: 'veth2' }), of(dns, { interface: 'veth1' }), of(dns, { interface: 'lo' })],
        ...[of(web, { interface: 'lo' }), of(web, { interface: 'tun0', linkType: 'RAW' })],
        ...[of(dns, { interface: 'tun0', linkType: 'RAW' }), of(web, { interface: 'tun0' }), of(web)],
      ];
      expect(await shown({ filters, statements: [stated()] })).toEqual([
        ...['web attested', 'dns attested', 'dns attested', 'web reported', 'web attested'],
        ...['dns reported', 'web reported', 'web reported'],
      ]);
      expect(await outcomes()).toEqual({ good: 1 });
    });
    it.each<[string, (all: typeof branches) => Partial<Statement>, string]>([
      [
        'of another interface',
        ([first, ...rest]) => ({ branches: [{ ...first!, interfaces: [on('veth1', 6)] }, ...rest] }),
        'diverged',
      ],
      [
        'with lo like any other',
        ([first, , last]) => ({ branches: [first!, { ...branches[1]!, interfaces: [on('lo', 1)] }, last!] }),
        'diverged',
      ],
      ['with fewer members', ([first, ...rest]) => ({ branches: [{ ...first!, members: [0] }, ...rest] }), 'diverged'],
      [
        'with a member that is not named',
        ([first, ...rest]) => ({ branches: [{ ...first!, members: [0, 2] }, ...rest] }),
        'reported',
      ],
      ['with an interface twice', (all) => ({ branches: [...all, all[0]!] }), 'reported'],
      ['in eBPF', () => ({ target: 'ebpf' }), 'diverged'],
    ])('are not attested by a statement %s', async (_, changed, state) => {
      const filters = [of(web, { interface: 'veth1' })];
      expect(await shown({ filters, statements: [stated(changed(branches))] })).toEqual([`web ${state}`]);
    });
  });
  it('need the evidence that their name says', async () => {
    const evidence = { kind: 'none', reason: 'cap' } as const;
    const none = agent.state({ members: [web.digest], excluded, hash: linked([web]), evidence });
    expect(await shown({ filters: [of(web)], statements: [none] })).toEqual(['web reported']);
  });
  it('are left alone where they claim nothing', async () => {
    const states = ['pending', 'reported', 'diverged', 'refused', 'not applicable'] as const;
    const filters = states.map((state) => of(web, { state }));
    expect(await shown({ filters })).toEqual(states.map((state) => `web ${state}`));
  });
});
