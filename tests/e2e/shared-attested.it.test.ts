import { type Bundle, digestOf, fromBase64, openDocument, type Statement, statementKind } from '@bpfleet/contract';
import { nodeCrypto } from '@bpfleet/service';
import { addCables, cableNames, createHosts, type Hosts } from '@bpfleet/test-environment';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { OpenerRig } from '../../apps/capture-agent/src/testing/opener-rig.js';
import { expectedProgram } from '../../apps/filter-manager/src/attestation/expected-program.js';
import { PcapFilterCompiler } from '../../apps/filter-manager/src/compile/pcap-filter-compiler.js';
import { suiteRequires } from '../environment/src/requirements.js';
import { hostsHere } from './requirements.js';

const CABLES = 20;
const excluded = [{ address: '192.0.2.9', port: 9092 }];
/** Every other one, so that they make no ranges. */
const addresses = (network: number, count: number) =>
  Array.from({ length: count }, (_, index) => `10.${network}.${index >> 7}.${2 * (index & 127)}`).join(', ');
const web = { filter: 'web', version: 1, expression: 'tcp port 443', interfaces: ['e*', 'lo'] };
const dns = { filter: 'dns', version: 3, expression: 'udp port 53', interfaces: ['e1*', 'lo'] };

suiteRequires('a program of many interfaces in a kernel and in the service', { root: await hostsHere() }, () => {
  let hosts: Hosts;
  let rig: OpenerRig;
  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
    await addCables(hosts, hosts.host(1), cableNames(CABLES));
  });
  afterAll(() => hosts.remove());
  beforeEach(async () => {
    rig = new OpenerRig(hosts.host(1).namespacePath, { mayOpen: () => true });
    await rig.start();
  });
  afterEach(() => rig.stop());

  /** By digest: all that the service ever signed. */
  const bundles = new Map<string, Bundle>();

  /** What the opener signs of each of its sockets, beside what the service computes by itself. */
  async function statedAndExpected(...filters: Parameters<typeof rig.service.desire>[0][number][]) {
    const order = rig.service.desire(filters);
    const { identityPublicKey } = await rig.opener.hello(rig.service.key.publicKey);
    await rig.opener.desire({ ...order, excluded });
    const { statements } = await rig.opener.attest('a nonce');
    for (const bundle of order.bundles) {
      const bytes = fromBase64(bundle);
      bundles.set(digestOf(bytes, nodeCrypto), JSON.parse(Buffer.from(bytes).toString()));
    }
    const verification = { keys: [identityPublicKey], crypto: nodeCrypto };
    return statements.map((envelope) => {
      const statement: Statement = openDocument(statementKind, envelope, verification);
      const versions = statement.members.map((digest) => ({ ...bundles.get(digest)!, digest }));
      return { statement, expected: expectedProgram(statement, versions) };
    });
  }

  it('are the same, with lo among them', async () => {
    const [only, ...others] = await statedAndExpected(web, dns);
    expect(others).toEqual([]);
    const { branches = [], ...statement } = only!.statement;
    expect(statement).toMatchObject({ interface: '*', linkType: '*', target: 'cbpf', evidence: { kind: 'read back' } });
    const stated = branches.flatMap(({ interfaces, members }) =>
      interfaces.map(({ name, isLoopback = false }) => [name, isLoopback, members.length] as const),
    );
    expect(stated).toHaveLength(CABLES + 2);
    expect(stated).toContainEqual(['lo', true, 2]);
    expect(stated).toContainEqual(['e11', false, 2]);
    expect(stated).toContainEqual(['e2', false, 1]);
    expect(only!.expected).toEqual({ hash: statement.hash });
  });

  it('are the same where a filter has maps, and where all together are too long for a classic program', async () => {
    const compiler = new PcapFilterCompiler();
    const filters = [[9, 3000], ...[1, 2, 3, 4].map((network) => [network, 700])].map(([network, count]) => {
      const expression = `host in {${addresses(network!, count!)}}`;
      const programs = [compiler.compileForAgents({ expression, linkType: 'EN10MB', snaplenBytes: 128 })];
      return { filter: `f${network}`, version: 1, expression, interfaces: ['e*', 'lo'], programs };
    });
    const both = await statedAndExpected(...filters);
    expect(both).toHaveLength(2);
    for (const { statement, expected } of both) {
      expect(statement).toMatchObject({ interface: '*', target: 'ebpf', hash: expected!.hash });
      if (statement.evidence.kind !== 'loaded') throw new Error(`the evidence is ${statement.evidence.kind}`);
      const { tag, tagHash, maps, mapsFrozen, canary } = statement.evidence;
      expect([tag, maps, mapsFrozen]).toEqual([expected!.loaded!.tags[tagHash], expected!.loaded!.maps, true]);
      // No packet can be tried through a program that asks where it was seen.
      expect(canary).toEqual({ packets: 0, passed: 0 });
    }
    expect(new Set(both.map(({ statement }) => statement.members.length))).toEqual(new Set([1, 4]));
    const states = new Set((await rig.opener.attest()).outcomes.map(({ state, reason }) => `${state} ${reason}`));
    expect(states).toEqual(new Set(['attested (loaded) own socket, shared socket', 'attested (loaded) shared socket']));
  });

  it('are the same while a swap is under way', async () => {
    await statedAndExpected(web, dns);
    const next = { ...dns, version: 4, expression: 'udp port 5353' };
    for (const members of [3, 2]) {
      const [only] = await statedAndExpected(web, next);
      expect(only!.statement.members).toHaveLength(members);
      expect(only!.expected).toEqual({ hash: only!.statement.hash });
      await rig.settle();
    }
  });
});
