import { Ancillary, BPF, type Program, SKF_AD_OFF, SKF_LL_OFF, SKF_NET_OFF, statement, toTuples } from '@bpfleet/bpf';
import type { Bundle, BundleProgram } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { matchesPatterns } from '@bpfleet/linux';
import { describe, expect, it } from 'vitest';
import { MAX_FRAME_BYTES } from '../border/framing.js';
import { encodeMessage } from '../border/messages.js';
import { asksForUnseen, type HostInterface, type PlanInputs, planSockets } from './plan.js';
import type { VerifiedEntry } from './verify-desired.js';

const keep: Program = [statement(BPF.RET | BPF.K, 96)];
const ancillary = (offset: number): Program => [statement(BPF.LD | BPF.W | BPF.ABS, SKF_AD_OFF + offset), ...keep];
const classic = (program: Program = keep, linkType = 'EN10MB'): BundleProgram => ({
  ...{ linkType, form: 'live', target: 'cbpf', selfTest: [] },
  instructions: toTuples(program),
});
const extended = (linkType = 'EN10MB'): BundleProgram => ({
  ...{ linkType, form: 'live', target: 'ebpf', selfTest: [], maps: [] },
  instructions: [[0x95, 0, 0, 0, 0]],
});
const entry = (
  filter: string,
  programs: readonly BundleProgram[] = [classic()],
  interfaces: readonly string[] = ['*'],
  digest = `sha256:${filter}`,
): VerifiedEntry => ({
  ...{ digest, interfaces, notAfterMs: undefined },
  bundle: {
    ...{ filter, version: 1, expression: '', names: [], interfaces: ['*'], direction: 'any', snaplenBytes: 96 },
    ...{ sampling: 1, budget: { packetsPerSecond: 0, bytesPerSecond: 0 }, compiler: 'test' },
    programs: [...programs],
  } satisfies Bundle,
});
const device = (name: string, more: Partial<HostInterface> = {}): HostInterface => ({
  ...{ name, index: name.charCodeAt(name.length - 1), linkType: 'EN10MB', up: true },
  ...more,
});

function plan(entries: readonly VerifiedEntry[], interfaces: readonly HostInterface[], more: Partial<PlanInputs> = {}) {
  const { sockets, refused } = planSockets({
    ...{ entries, refused: [], interfaces, mayOpen: () => true, matches: matchesPatterns },
    ...{ excluded: [], linkerVersion: 1, selfTestOf: () => ({ packets: 2, inKernel: 1 }), faultOf: () => undefined },
    ...more,
  });
  return {
    sockets: sockets.map(({ interface: { name }, members, isOwnSocket }) =>
      [name, isOwnSocket ? 'own' : 'linked', ...members.map(({ captured }) => captured.filter)].join(' '),
    ),
    refused: refused.map(({ filter, interface: name, state, reason }) => `${filter} on ${name} ${state}: ${reason}`),
    planned: sockets,
  };
}

describe('a plan', () => {
  it('links what runs on an interface, and opens none where nothing does', () => {
    const entries = [entry('a'), entry('b', [classic()], ['eth*', '!eth1']), entry('c', [classic()], ['wlan0'])];
    const interfaces = ['eth0', 'eth1', 'lo'].map((name) => device(name));
    expect(plan(entries, interfaces).sockets).toEqual(['eth0 linked a b', 'eth1 linked a', 'lo linked a']);
    expect(plan([], interfaces).sockets).toEqual([]);
  });

  it('leaves out what is down, and what the configuration does not allow', () => {
    const interfaces = [device('eth0', { up: false }), device('eth1'), device('lo')];
    expect(plan([entry('a')], interfaces, { mayOpen: (name) => name !== 'lo' }).sockets).toEqual(['eth1 linked a']);
  });

  it('says of a filter without a program for the link type that it is not applicable, and runs the others', () => {
    const raw = device('tun0', { linkType: 'RAW' });
    const both = entry('both', [classic(), classic(keep, 'RAW')]);
    const found = plan([entry('a'), both], [raw, device('odd', { linkType: undefined })]);
    expect(found.sockets).toEqual(['tun0 linked both']);
    expect(found.refused).toEqual([
      'a on tun0 not applicable: the version has no program for link type RAW',
      'a on odd not applicable: the version has no program for link type of this interface',
      'both on odd not applicable: the version has no program for link type of this interface',
    ]);
  });

  it('takes packets without their header where there is no form for it', () => {
    const [socket] = plan(
      [entry('a', [classic(keep, 'LINUX_SLL2')])],
      [device('gre0', { linkType: 'LINUX_SLL2' })],
    ).planned;
    expect(socket!.interface).toMatchObject({ linkType: 'LINUX_SLL2', cooked: true });
  });

  it('gives what user space cannot decide again a socket of its own, where the kernel’s word counts', () => {
    const random = entry('random', [classic(ancillary(Ancillary.RANDOM))]);
    const found = plan([entry('a'), random, entry('maps', [extended()])], [device('eth0')]);
    expect(found.sockets).toEqual(['eth0 linked a', 'eth0 own random', 'eth0 own maps']);
    const everything = [[BPF.RET | BPF.K, 0, 0, 262_144]];
    expect(found.planned[1]!.members[0]!.captured.program.instructions).toEqual(everything);
    expect(found.planned[1]!.members[0]!.source.instructions).toHaveLength(2);
  });

  it('refuses a filter that fails its self-test or that the kernel does not take, and runs the others', () => {
    const found = plan([entry('good'), entry('wrong'), entry('large')], [device('eth0')], {
      selfTestOf: ({ bundle }) => ({
        packets: 1,
        inKernel: 1,
        ...(bundle.filter === 'wrong' ? { fault: 'packet 0' } : {}),
      }),
      faultOf: (members) => (members.some(({ captured }) => captured.filter === 'large') ? 'too large' : undefined),
    });
    expect(found.sockets).toEqual(['eth0 linked good']);
    expect(found.refused).toEqual(['wrong on eth0 refused: packet 0', 'large on eth0 refused: too large']);
  });

  it('takes the longest out until the rest fits into one program', () => {
    const long = (length: number) =>
      classic([...Array<Program[0]>(length).fill(statement(BPF.LD | BPF.IMM, 1)), ...keep]);
    const entries = [entry('a'), entry('b', [long(30)]), entry('c', [long(20)]), entry('d', [long(10)])];
    const found = plan(entries, [device('eth0')], { faultOf: ({ length }) => (length > 2 ? 'too large' : undefined) });
    expect(found.sockets).toEqual(['eth0 linked a d', 'eth0 own b', 'eth0 own c']);
    // Where rings have no memory for all, it is what few filters run on that goes.
    const two = plan(entries, [device('eth0'), device('eth1')], {
      faultOf: ({ length }) => (length > 2 ? 'too large' : undefined),
    });
    expect(two.sockets.slice(0, 2)).toEqual(['eth0 linked a d', 'eth1 linked a d']);
  });

  it('tries each alone only where they do not run together', () => {
    const entries = Array.from({ length: 200 }, (_, index) => entry(`f${index}`));
    const tried: number[] = [];
    const counting = (most: number) => ({
      faultOf: ({ length }: { readonly length: number }) =>
        tried.push(length) > 0 && length > most ? 'full' : undefined,
    });
    plan(entries, [device('eth0')], counting(200));
    expect(tried.splice(0)).toEqual([200]);
    const found = plan(entries, [device('eth0')], counting(50));
    expect(found.sockets.filter((text) => text.includes('own'))).toHaveLength(150);
    expect(tried.filter((length) => length === 1)).toHaveLength(200);
    expect(tried.filter((length) => length > 1).length).toBeLessThan(12);
  });

  it('takes a bundle that is named twice once', () => {
    const twice = [entry('a', [classic()], ['eth0']), entry('a', [classic()], ['eth*'])];
    expect(plan(twice, [device('eth0'), device('eth1')]).sockets).toEqual(['eth0 linked a', 'eth1 linked a']);
  });

  it('refuses what cannot be read where it should run', () => {
    const error = new BpfleetError('BUNDLE_INVALID', 'newer');
    const found = plan([entry('a')], [device('eth0'), device('lo')], {
      refused: [{ digest: 'sha256:x', interfaces: ['eth*'], error, named: { filter: 'new', version: 4 } }],
    });
    expect(found.refused).toEqual(['new on eth0 refused: newer']);
    expect(found.sockets).toHaveLength(2);
  });

  it('refuses by name what one message about a socket has no room for, and runs the rest', () => {
    const long: Program = Array.from({ length: 4096 }, () => statement(BPF.RET | BPF.K, 96));
    const entries = Array.from({ length: 80 }, (_, index) => entry(`f${index}`, [classic(long)]));
    const { planned, refused } = plan([...entries, entry('small')], [device('eth0')]);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]).toMatch(/^f\d+ on eth0 refused: .* as one interface has room for; run fewer or shorter filters/);
    expect(refused.map((text) => text.split(' ')[0])).not.toContain('small');
    expect(planned[0]!.members.length + refused.length).toBe(81);
    const members = planned[0]!.members.map(({ captured }) => captured);
    expect(encodeMessage({ members, swap: { members } }).length).toBeLessThan(MAX_FRAME_BYTES);
  });

  it('runs for a source without sockets what bytes can answer, and tries nothing in the kernel', () => {
    const asking = (name: string, offset: number) => entry(name, [classic(ancillary(offset))]);
    const entries = [
      ...[entry('a'), asking('tagged', Ancillary.VLAN_TAG_PRESENT), asking('protocol', Ancillary.PROTOCOL)],
      ...[asking('inbound', Ancillary.PKTTYPE), asking('device', Ancillary.IFINDEX), asking('r', Ancillary.RANDOM)],
      entry('m', [extended()]),
    ];
    const { sockets, refused } = planSockets(planInputsWithoutKernel(entries));
    const running = sockets.map(({ members }) => members.map(({ captured }) => captured.filter));
    expect(running).toEqual([['a', 'tagged', 'protocol']]);
    expect(sockets[0]!.members[1]!.captured.program.instructions).toHaveLength(2);
    expect(refused.map(({ filter, state }) => [filter, state])).toEqual([
      ...['inbound', 'device', 'r'].map((filter) => [filter, 'not applicable']),
      ['m', 'refused'],
    ]);
  });

  it('knows an interface that was made anew, or renamed, for another one', () => {
    const keys = [device('eth0'), device('eth0', { index: 99 }), device('wan0', { index: 48 })].map(
      (one) => plan([entry('a')], [one]).planned[0]!.key,
    );
    expect(new Set(keys).size).toBe(3);
  });
});

function planInputsWithoutKernel(entries: readonly VerifiedEntry[]): PlanInputs {
  return {
    ...{ entries, refused: [], interfaces: [device('file0')], mayOpen: () => true, matches: () => true },
    ...{ excluded: [], linkerVersion: 1, selfTestOf: () => ({ packets: 0, inKernel: 0 }) },
  };
}

describe('a ring', () => {
  it.each([
    ['bytes', [statement(BPF.LD | BPF.H | BPF.ABS, 12)], false],
    ['[protocol]', ancillary(Ancillary.PROTOCOL), false],
    ['[vlan_tci]', ancillary(Ancillary.VLAN_TAG), false],
    ['[ifindex]', ancillary(Ancillary.IFINDEX), false],
    ['A xor X', ancillary(Ancillary.ALU_XOR_X), false],
    ['[mark]', ancillary(Ancillary.MARK), true],
    ['[queue]', ancillary(Ancillary.QUEUE), true],
    ['[cpu]', ancillary(Ancillary.CPU), true],
    ['[random]', ancillary(Ancillary.RANDOM), true],
    ['[rxhash]', ancillary(Ancillary.RXHASH), true],
    ['[hatype]', ancillary(Ancillary.HATYPE), true],
    ['[poff]', ancillary(Ancillary.PAY_OFFSET), true],
    ['[nla]', ancillary(Ancillary.NLATTR), true],
    ['the network header', [statement(BPF.LD | BPF.B | BPF.ABS, SKF_NET_OFF)], true],
    ['the link header', [statement(BPF.LD | BPF.B | BPF.ABS, SKF_LL_OFF)], true],
    ['an indirect load far away', [statement(BPF.LD | BPF.B | BPF.IND, 0xffff_fff0)], false],
  ])('carries what %s asks for, or not', (_, program, isUnseen) => {
    expect(asksForUnseen(program)).toBe(isUnseen);
  });
});
