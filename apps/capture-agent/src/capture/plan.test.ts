import { BPF, checkProgram, decodeProgram } from '@bpfleet/bpf';
import type { DesiredFilter } from '@bpfleet/contract';
import { describe, expect, it } from 'vitest';
import { type HostInterface, planCaptures } from './plan.js';

const digest = `sha256:${'0'.repeat(64)}`;
const web: DesiredFilter = {
  filter: 'web',
  version: 3,
  digest,
  expression: 'tcp',
  interfaces: ['eth*'],
  snaplenBytes: 128,
  programs: [{ linkType: 'EN10MB', form: 'live', target: 'cbpf', instructions: [[BPF.RET | BPF.K, 0, 0, 128]] }],
};
const device = (name: string, over: Partial<HostInterface> = {}): HostInterface => ({
  name,
  index: 1,
  linkType: 'EN10MB',
  up: true,
  ...over,
});
const matches = (patterns: readonly string[], name: string) => patterns.includes(name) || patterns.includes('eth*');
const plan = (interfaces: HostInterface[], over: Partial<Parameters<typeof planCaptures>[0]> = {}) =>
  planCaptures({ filters: [web], interfaces, mayOpen: () => true, matches, excluded: [], ...over });

describe('planCaptures', () => {
  it('makes one target per filter and interface', () => {
    const { targets } = plan([device('eth0'), device('eth1', { index: 2 })]);
    expect(targets.map(({ key }) => key)).toEqual(['web@eth0', 'web@eth1']);
  });

  it('leaves out interfaces that are down or that the agent may not open', () => {
    const { targets } = plan([device('eth0', { up: false }), device('eth1')], { mayOpen: (name) => name !== 'eth1' });
    expect(targets).toEqual([]);
  });

  it('says why a filter does not apply to a link type', () => {
    const { targets, refused } = plan([device('eth0', { linkType: 'RAW' })]);
    expect(targets).toEqual([]);
    expect(refused).toMatchObject([
      { interface: 'eth0', state: 'not applicable', reason: expect.stringContaining('RAW') },
    ]);
  });

  it('refuses a program that the kernel would refuse, naming the rule', () => {
    const bad = {
      ...web.programs[0]!,
      instructions: [[BPF.LD | BPF.IMM, 0, 0, 0]] as DesiredFilter['programs'][0]['instructions'],
    };
    const { refused } = plan([device('eth0')], { filters: [{ ...web, programs: [bad] }] });
    expect(refused).toMatchObject([{ state: 'refused', reason: expect.stringContaining('instruction 0') }]);
  });

  it('puts the own-traffic exclusion before the program', () => {
    const excluded = [{ address: Uint8Array.of(10, 0, 0, 9), port: 9092 }];
    const program = decodeProgram(plan([device('eth0')], { excluded }).targets[0]!.program);
    expect(program.length).toBeGreaterThan(1);
    expect(checkProgram(program)).toBeUndefined();
  });
});
