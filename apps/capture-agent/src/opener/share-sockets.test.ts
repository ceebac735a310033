import { BPF, decodeProgram, interpret, statement, toTuples } from '@bpfleet/bpf';
import { describe, expect, it } from 'vitest';
import type { PlannedMember } from './kernel-program.js';
import { Linker } from './linker.js';
import type { PlannedSocket } from './plan.js';
import {
  FEW_SHARING_INTERFACES,
  MOST_BOUND_INTERFACES,
  MOST_SHARING_INTERFACES,
  type SharingInputs,
  shareSockets,
} from './share-sockets.js';
import { sharedProgram } from './socket-program.js';
import { boundWish, type SocketWish } from './socket-wish.js';

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
const share = (sockets: readonly PlannedSocket[], inputs: Partial<SharingInputs> = {}) =>
  shareSockets(sockets, { areShared: false, faultOf: () => undefined, ...inputs });
const shared = (wishes: readonly SocketWish[]) => wishes.filter(({ isShared }) => isShared);
/** `all raw linked: EN10MB 17 a b` */
const shown = (wishes: readonly SocketWish[]): string[] =>
  shared(wishes).map(
    ({ key, branches }) =>
      `${key}: ${branches
        .map(({ context, interfaces, members }) =>
          [context.linkType, interfaces.length, ...members.map(({ captured }) => captured.filter)].join(' '),
        )
        .join(', ')}`,
  );
const bound = (wishes: readonly SocketWish[]) => wishes.filter(({ isShared }) => !isShared);

describe('sockets of many interfaces', () => {
  it('stay on one interface each up to sixteen', () => {
    const sockets = many([a], MOST_BOUND_INTERFACES);
    expect(share(sockets)).toEqual(sockets.map(boundWish));
    const twice = [...sockets, ...sockets.map(({ interface: { index } }) => socket(index, [own], 'EN10MB', true))];
    expect(shared(share(twice))).toEqual([]);
  });

  it('become one, and stay one until few are left', () => {
    expect(shown(share(many([a])))).toEqual(['all raw linked: EN10MB 17 a']);
    const fewer = (count: number) => shown(share(many([a], count), { areShared: true }));
    expect(fewer(FEW_SHARING_INTERFACES + 1)).toEqual(['all raw linked: EN10MB 9 a']);
    expect(fewer(FEW_SHARING_INTERFACES)).toEqual([]);
  });

  it('are judged alike where the same filters run on the same link type', () => {
    const sockets = [...many([a, b], 10), ...many([b, a], 5, 'EN10MB', 20), ...many([a], 3, 'RAW', 30)];
    sockets.push(socket(40, [b]), socket(41, [a, b], 'RAW'));
    const wishes = share(sockets);
    expect(shown(wishes)).toEqual([
      // Short on many interfaces first.
      'all raw linked: EN10MB 15 a b, RAW 3 a, EN10MB 1 b, RAW 1 a b',
    ]);
    expect(bound(wishes)).toEqual([]);
  });

  it('are apart for packets without their link-layer header, which a socket shows for all or none', () => {
    const wishes = share([...many([a], 10), ...many([a], 10, 'LINUX_SLL2', 20)]);
    expect(shown(wishes)).toEqual(['all raw linked: EN10MB 10 a', 'all cooked linked: LINUX_SLL2 10 a']);
    expect(wishes.map(({ cooked }) => cooked)).toEqual([false, true]);
  });

  it('are one for each filter that needs a socket of its own, eBPF too', () => {
    const alone = (one: PlannedMember) => many([one]).map((each) => ({ ...each, isOwnSocket: true }));
    const wishes = share([...many([a]), ...alone(own), ...alone(sets)]);
    expect(shared(wishes).map(({ key, isOwnSocket }) => [key, isOwnSocket])).toEqual([
      ['all raw linked', false],
      [`all raw ${own.captured.digest}`, true],
      [`all raw ${sets.captured.digest}`, true],
    ]);
    expect(bound(wishes)).toEqual([]);
  });

  it('leave what does not fit on sockets of its own, first what is on few interfaces', () => {
    const sockets = [...many([a]), socket(40, [a, b]), socket(41, [b])];
    const most = (count: number) => share(sockets, { faultOf: ({ length }) => (length > count ? 'full' : undefined) });
    expect(shown(most(2))).toEqual(['all raw linked: EN10MB 17 a, EN10MB 1 b']);
    expect(bound(most(2))).toEqual([boundWish(sockets[17]!)]);
    expect(share(sockets, { faultOf: () => 'full' })).toEqual(sockets.map(boundWish));
  });

  it('are of no more interfaces than leave room for filters', () => {
    const wishes = share(many([a], MOST_SHARING_INTERFACES + 2));
    expect(shown(wishes)).toEqual([`all raw linked: EN10MB ${MOST_SHARING_INTERFACES} a`]);
    expect(bound(wishes)).toHaveLength(2);
  });

  it('keep their keys when filters and interfaces change', () => {
    const keys = (sockets: readonly PlannedSocket[]) => share(sockets).map(({ key }) => key);
    expect(keys(many([a]))).toEqual(keys([...many([a, b], 30), ...many([b], 5, 'RAW', 50)]));
  });

  it('run what each interface would run alone', () => {
    const [wish] = share([...many([a], 16), { ...socket(20, [b]) }]);
    const branches = wish!.branches.map((branch) => ({
      ...branch,
      interfaces: branch.interfaces.map((device) => (device.index === 3 ? { ...device, isLoopback: true } : device)),
    }));
    const { bytes } = sharedProgram(branches, new Linker(), 'cbpf') as { bytes: Uint8Array };
    const verdict = (interfaceIndex: number, packetType: number) =>
      interpret(decodeProgram(bytes), {
        ...{ bytes: new Uint8Array(60), start: 0, capturedLength: 60, wireLength: 60 },
        metadata: { interfaceIndex, packetType, protocol: 0, vlanTagPresent: false, vlanTci: 0, vlanProtocol: 0 },
      });
    expect([1, 16, 20, 17, 0].map((index) => verdict(index, 4))).toEqual([96, 96, 96, 0, 0]);
    // `lo` shows what goes out once more as coming in.
    expect([verdict(3, 4), verdict(3, 0)]).toEqual([0, 96]);
  });
});
