import { describe, expect, it } from 'vitest';
import type { CaptureCounters } from './capture/ring/capture-messages.js';
import { MOST_INTERFACES, SocketSums } from './socket-sums.js';

describe('SocketSums', () => {
  const socket = (id: number, device: string | string[], passed: number, dropped = 0) => ({
    ...{ socket: id, interfaces: [device].flat(), passed, dropped, taken: passed },
  });
  const of = (sockets: CaptureCounters['sockets'], ended = 0, passed = 0, dropped = 0): CaptureCounters => ({
    ...{ taken: 0, sockets, versions: [], ended: { sockets: ended, passed, dropped, taken: passed } },
  });
  const seen = (sums: SocketSums, counters: CaptureCounters) =>
    Object.fromEntries([...sums.see(counters)].map(([name, { passed, dropped }]) => [name, [passed, dropped]]));

  it('adds up what sockets of one interface count, and has those of many for themselves', () => {
    const counters = of([socket(1, 'eth0', 100, 3), socket(2, 'eth0', 10, 1), socket(3, ['eth0', 'eth1'], 7)]);
    expect(seen(new SocketSums(), counters)).toEqual({ eth0: [110, 4], '*': [7, 0], other: [0, 0] });
  });

  it('never goes back when sockets end: what is not seen of an interface any more is other', () => {
    const sums = new SocketSums();
    sums.see(of([socket(1, 'eth0', 100, 3), socket(2, 'eth1', 50)]));
    const gone = seen(sums, of([socket(2, 'eth1', 60), socket(3, 'eth0', 5)], 1, 120, 4));
    expect(gone).toEqual({ eth0: [105, 3], eth1: [60, 0], other: [20, 1] });
    expect(seen(sums, of([], 3, 185, 4))).toEqual({ eth0: [105, 3], eth1: [60, 0], other: [20, 1] });
  });

  it('has sums of so many interfaces, and the rest together', () => {
    const sums = new SocketSums();
    const sockets = Array.from({ length: MOST_INTERFACES + 5 }, (_, index) => socket(index, `veth${index}`, 10));
    const found = sums.see(of(sockets));
    expect(found.size).toBe(MOST_INTERFACES + 1);
    expect(found.get('other')!.passed).toBe(50);
  });
});
