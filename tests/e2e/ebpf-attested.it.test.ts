import { digestOf, fromBase64, openDocument, type Statement, statementKind } from '@bpfleet/contract';
import { nodeCrypto } from '@bpfleet/service';
import { createHosts, type Hosts } from '@bpfleet/test-environment';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { OpenerRig } from '../../apps/capture-agent/src/testing/opener-rig.js';
import { expectedProgram } from '../../apps/filter-manager/src/attestation/expected-program.js';
import { PcapFilterCompiler } from '../../apps/filter-manager/src/compile/pcap-filter-compiler.js';
import { suiteRequires } from '../environment/src/requirements.js';
import { hostsHere } from './requirements.js';

const SNAPLEN_BYTES = 128;
/** Every other one, so that they make no ranges. */
const addresses = (network: number, count: number) =>
  Array.from({ length: count }, (_, index) => `10.${network}.${index >> 7}.${2 * (index & 127)}`).join(', ');

suiteRequires('eBPF programs in a kernel and in the service', { root: await hostsHere() }, () => {
  let hosts: Hosts;
  let rig: OpenerRig;
  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
  });
  afterAll(() => hosts.remove());
  beforeEach(async () => {
    rig = new OpenerRig(hosts.host(1).namespacePath);
    await rig.start();
  });
  afterEach(() => rig.stop());

  /** Runs them, and @returns what the opener signs beside what the service computes by itself. */
  async function bothOf(expressions: readonly string[]) {
    const compiler = new PcapFilterCompiler();
    const filters = expressions.map((expression, index) => ({
      ...{ filter: `f${index}`, version: 1, expression, snaplenBytes: SNAPLEN_BYTES },
      programs: [compiler.compileForAgents({ expression, linkType: 'EN10MB', snaplenBytes: SNAPLEN_BYTES })],
    }));
    const order = rig.service.desire(filters);
    const { identityPublicKey } = await rig.opener.hello(rig.service.key.publicKey);
    await rig.opener.desire({ ...order, excluded: [{ address: '192.0.2.9', port: 9092 }] });
    const { outcomes, statements } = await rig.opener.attest('a nonce');
    const versions = filters.map(({ programs }, index) => ({
      ...{ snaplenBytes: SNAPLEN_BYTES, programs },
      digest: digestOf(fromBase64(order.bundles[index]!), nodeCrypto),
    }));
    const verification = { keys: [identityPublicKey], crypto: nodeCrypto };
    const statement: Statement = openDocument(statementKind, statements[0], verification);
    return { states: outcomes.map(({ state }) => state), statement, expected: expectedProgram(statement, versions)! };
  }

  it.each([
    ['one with a map, on a socket to itself', [`host in {${addresses(1, 3000)}}`], 1],
    ['several linked ones', [1, 2, 3].map((network) => `host in {${addresses(network, 700)}} and tcp`), 0],
  ])('are the same: %s', async (_, expressions, maps) => {
    const { states, statement, expected } = await bothOf(expressions);
    expect(new Set(states)).toEqual(new Set(['attested (loaded)']));
    const { evidence } = statement;
    if (evidence.kind !== 'loaded') throw new Error(`the evidence is ${evidence.kind}`);
    expect(evidence.maps).toHaveLength(maps);
    expect(expected.hash).toBe(statement.hash);
    expect(expected.loaded!.tags[evidence.tagHash]).toBe(evidence.tag);
    expect(expected.loaded!.maps).toEqual(evidence.maps);
  });

  it('are others with one address more', async () => {
    const { statement } = await bothOf([`host in {${addresses(1, 3000)}}`]);
    const more = `host in {${addresses(1, 3001)}}`;
    const input = { expression: more, linkType: 'EN10MB', snaplenBytes: SNAPLEN_BYTES };
    const programs = [new PcapFilterCompiler().compileForAgents(input)];
    const digest = statement.members[0]!;
    const expected = expectedProgram(statement, [{ digest, snaplenBytes: SNAPLEN_BYTES, programs }])!;
    const { evidence } = statement;
    expect(evidence.kind === 'loaded' && evidence.maps).not.toEqual(expected.loaded!.maps);
  });
});
