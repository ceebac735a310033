import { toTuples } from '@bpfleet/bpf';
import { compile } from '@bpfleet/pcap-filter';
import { describe, expect, it } from 'vitest';
import type { PlannedMember } from './kernel-program.js';
import { Linker } from './linker.js';
import { withProgramOf } from './socket-program.js';
import type { PlannedBranch } from './socket-wish.js';

const member = (name: string, expression: string): PlannedMember => {
  const instructions = toTuples(compile(expression, { live: true }).program);
  const program = { linkType: 'EN10MB', form: 'live', target: 'cbpf', instructions } as const;
  return {
    captured: {
      ...{ filter: name, version: 1, digest: `sha256:${Buffer.from(name).toString('hex')}`, expression },
      ...{ snaplenBytes: 96, sampling: 1, budget: { packetsPerSecond: 0, bytesPerSecond: 0 }, program },
    },
    source: { ...program, selfTest: [] },
  };
};
const on = (index: number, members: readonly PlannedMember[]): PlannedBranch => ({
  interfaces: [{ name: `eth${index}`, index, linkType: 'EN10MB', cooked: false }],
  ...{ members, context: { linkType: 'EN10MB', excluded: [], linkerVersion: 1 } },
});
const linker = new Linker();
const programOf = (...branches: readonly PlannedBranch[]) =>
  withProgramOf({ isShared: true, branches }, linker, (program) => program);

describe('the program of a shared socket', () => {
  const [web, dns] = [member('web', 'tcp port 443'), member('dns', 'udp port 53')];

  it('names what it was made of: who runs where', () => {
    const { members, branches, context, target } = programOf(on(5, [web, dns]), on(7, [dns]));
    const digests = [web, dns].map(({ captured }) => captured.digest);
    expect([target, context.linkType, new Set(members)]).toEqual(['cbpf', '*', new Set(digests)]);
    expect(branches!.map(({ interfaces, members: some }) => [interfaces[0]!.name, new Set(some)])).toEqual([
      ['eth5', new Set(digests)],
      ['eth7', new Set([dns.captured.digest])],
    ]);
  });

  it('is extended where the classic one would be too long', () => {
    const hosts = (network: number) =>
      Array.from({ length: 900 }, (_, index) => `10.${network}.${index >> 6}.${2 * (index & 63)}`);
    const long = [1, 2, 3, 4, 5].map((network) =>
      member(`long${network}`, `src host (${hosts(network).join(' or ')})`),
    );
    const targets = [long.slice(0, 1), long].map(
      (some) => programOf(...some.map((one, index) => on(index + 1, [one]))).target,
    );
    expect(targets).toEqual(['cbpf', 'ebpf']);
  });

  it('has no more members than a statement has room for', () => {
    const many = (count: number) => Array.from({ length: count }, (_, index) => member(`f${index}`, ''));
    expect(programOf(on(1, many(1024))).members).toHaveLength(1024);
    expect(() => programOf(on(1, many(1000)), on(2, many(1025)))).toThrow(
      expect.objectContaining({ code: 'FILTER_TOO_LARGE' }),
    );
  });
});
