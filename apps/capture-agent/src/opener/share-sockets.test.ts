import { BPF, decodeProgram, interpret, statement, toTuples } from '@bpfleet/bpf';
import { describe, expect, it } from 'vitest';
import type { PlannedMember } from './kernel-program.js';
import { Linker } from './linker.js';
import type { PlannedSocket } from './plan.js';
import { MOST_BOUND_INTERFACES, type SharedPlan, sharedProgram, shareSockets } from './share-sockets.js';

const member = (name: string, target: 'cbpf' | 'ebpf' = 'cbpf'): PlannedMember => {
  const instructions = toTuples([statement(BPF.RET | BPF.K, 96)]);
  const program = { linkType: 'EN10MB', form: 'live', target: 'cbpf', instructions } as const;
  return {
    captured: {
      ...{ filter: name, version: 1, digest: `sha256:${Buffer.from(name).toString('hex')}`, expression: '' },
      ...{ snaplenBytes: 96, sampling: 1, budget: { packetsPerSecond: 0, bytesPerSecond: 0 }, program },
    },
    source:
      target === 'cbpf'
        ? { ...program, selfTest: [] }
        : { ...program, target, selfTest: [], maps: [], instructions: [[0x95, 0, 0, 0, 0]] },
  };
};
const [a, b, own, sets] = [member('a'), member('b'), member('own'), member('sets', 'ebpf')];

function socket(index: number, members: readonly PlannedMember[], linkType = 'EN10MB', isOwnSocket = false) {
  return {
    key: `${index} ${members.map(({ captured }) => captured.filter)}`,
    interface: { name: `eth${index}`, index, linkType, cooked: linkType === 'LINUX_SLL2' },
    ...{ members, isOwnSocket, context: { linkType, excluded: [], linkerVersion: 1 } },
  } satisfies PlannedSocket;
}
const many = (members: readonly PlannedMember[], count = MOST_BOUND_INTERFACES + 1, linkType?: string, from = 1) =>
  Array.from({ length: count }, (_, at) => socket(from + at, members, linkType));
/** `all raw linked: EN10MB 17 a b` */
const shown = ({ shared }: SharedPlan): string[] =>
  shared.map(
    ({ key, branches }) =>
      `${key}: ${branches
        .map(({ context, interfaces, members }) =>
          [context.linkType, interfaces.length, ...members.map(({ captured }) => captured.filter)].join(' '),
        )
        .join(', ')}`,
  );

describe('sockets of many interfaces', () => {
  it('stay on one interface each up to sixteen', () => {
    const sockets = many([a], MOST_BOUND_INTERFACES);
    expect(shareSockets(sockets)).toEqual({ shared: [], bound: sockets });
    const twice = [...sockets, ...sockets.map(({ interface: { index } }) => socket(index, [own], 'EN10MB', true))];
    expect(shareSockets(twice).shared).toEqual([]);
  });

  it('become one, on which interfaces with the same filters and link type are judged alike', () => {
    const sockets = [...many([a, b], 10), ...many([b, a], 5, 'EN10MB', 20), ...many([a], 3, 'RAW', 30)];
    sockets.push(socket(40, [b]), socket(41, [a, b], 'RAW'));
    const plan = shareSockets(sockets);
    expect(shown(plan)).toEqual(['all raw linked: EN10MB 15 a b, RAW 3 a, EN10MB 1 b, RAW 1 a b']);
    expect(plan.bound).toEqual([]);
  });

  it('are apart for packets without their link-layer header, which a socket shows for all or none', () => {
    const sockets = [...many([a], 10), ...many([a], 10, 'LINUX_SLL2', 20)];
    const plan = shareSockets(sockets);
    expect(shown(plan)).toEqual(['all raw linked: EN10MB 10 a', 'all cooked linked: LINUX_SLL2 10 a']);
    expect(plan.shared.map(({ cooked }) => cooked)).toEqual([false, true]);
  });

  it('are one for each filter that needs a socket of its own; eBPF stays where it was', () => {
    const alone = (one: PlannedMember) => many([one]).map((each) => ({ ...each, isOwnSocket: true }));
    const plan = shareSockets([...many([a]), ...alone(own), ...alone(sets)]);
    expect(plan.shared.map(({ key, isOwnSocket }) => [key, isOwnSocket])).toEqual([
      ['all raw linked', false],
      [`all raw ${own.captured.digest}`, true],
    ]);
    expect(plan.bound).toEqual(alone(sets));
  });

  it('keep their keys when filters and interfaces change', () => {
    const keys = (sockets: readonly PlannedSocket[]) => shareSockets(sockets).shared.map(({ key }) => key);
    expect(keys(many([a]))).toEqual(keys([...many([a, b], 30), ...many([b], 5, 'RAW', 50)]));
  });

  it('run what each interface would run alone', () => {
    const [shared] = shareSockets([...many([a], 16), socket(20, [b])]).shared;
    const program = decodeProgram(sharedProgram(shared!, new Linker(), 3));
    const verdict = (interfaceIndex: number, packetType: number) =>
      interpret(program, {
        ...{ bytes: new Uint8Array(60), start: 0, capturedLength: 60, wireLength: 60 },
        metadata: { interfaceIndex, packetType, protocol: 0, vlanTagPresent: false, vlanTci: 0, vlanProtocol: 0 },
      });
    expect([1, 16, 20, 17, 0].map((index) => verdict(index, 4))).toEqual([96, 96, 96, 0, 0]);
    // `lo` shows what goes out once more as coming in.
    expect([verdict(3, 4), verdict(3, 0)]).toEqual([0, 96]);
  });
});
