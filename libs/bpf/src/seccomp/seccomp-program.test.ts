import { describe, expect, it } from 'vitest';
import { checkProgram } from '../check/check.js';
import { BPF } from '../opcodes.js';
import { interpret } from '../run/interpret.js';
import { AGENT_REFUSALS } from './refusals.js';
import { seccompProgram } from './seccomp-program.js';
import { AUDIT_ARCH, type Machine, type SystemCall, systemCallNumber } from './system-calls.js';

const [ALLOW, EPERM, ENOSYS] = [0x7fff_0000, 0x0005_0001, 0x0005_0026];
const machines = ['x64', 'arm64'] as const;
const programs = { x64: seccompProgram('x64', AGENT_REFUSALS), arm64: seccompProgram('arm64', AGENT_REFUSALS) };

/** `struct seccomp_data` as our machine reads words: big-endian, where the kernel takes the host's order. */
function answer(machine: Machine, number: number, args: readonly number[] = [], architecture = AUDIT_ARCH[machine]) {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, number);
  data.setUint32(4, architecture);
  // The lower half comes first on the hosts we run on; what is in the upper one plays no part.
  for (const [index, argument] of args.entries()) {
    data.setUint32(16 + 8 * index, argument);
    data.setUint32(20 + 8 * index, 0xffff_ffff);
  }
  return interpret(programs[machine], {
    bytes: new Uint8Array(data.buffer),
    start: 0,
    capturedLength: 64,
    wireLength: 64,
  });
}

describe.each(machines)('the program for %s', (machine) => {
  const call = (name: SystemCall, ...args: number[]) => answer(machine, systemCallNumber(name, machine)!, args);

  it('is one that the kernel takes', () => {
    expect(checkProgram(programs[machine])).toBeUndefined();
    // `seccomp_check_filter`: of loads from the data only whole words within it.
    for (const { code, k } of programs[machine]) {
      const isLoad = (code & 0x07) === BPF.LD;
      if (isLoad) expect([code, k % 4, k < 64]).toEqual([BPF.LD | BPF.W | BPF.ABS, 0, true]);
    }
  });

  it('refuses each call that is always refused', () => {
    const always = AGENT_REFUSALS.filter(({ when, answer }) => when === undefined && answer === undefined);
    const numbers = always.flatMap(({ calls }) => calls).map((name) => systemCallNumber(name, machine));
    expect(numbers.length).toBeGreaterThan(50);
    for (const number of numbers) if (number !== undefined) expect(answer(machine, number)).toBe(EPERM);
  });

  it.each<[what: string, name: SystemCall, args: number[], expected: number]>([
    ['an option of packet sockets', 'setsockopt', [3, 263, 5], EPERM],
    ['attaching a filter', 'setsockopt', [3, 1, 26], EPERM],
    ['detaching it', 'setsockopt', [3, 1, 27], EPERM],
    ['locking it', 'setsockopt', [3, 1, 44], EPERM],
    ['attaching eBPF', 'setsockopt', [3, 1, 50], EPERM],
    ['a filter of a group of listeners', 'setsockopt', [3, 1, 51], EPERM],
    ['the same with eBPF', 'setsockopt', [3, 1, 52], EPERM],
    ['taking it away', 'setsockopt', [3, 1, 68], EPERM],
    ['SO_KEEPALIVE', 'setsockopt', [3, 1, 9], ALLOW],
    ['TCP_NODELAY', 'setsockopt', [3, 6, 1], ALLOW],
    ['an option of TCP with the number of a filter', 'setsockopt', [3, 6, 26], ALLOW],
    ['binding to an interface', 'bind', [3, 0x1000, 20], EPERM],
    ['binding to an IPv4 address', 'bind', [3, 0x1000, 16], EPERM],
    ['binding to an IPv6 address', 'bind', [3, 0x1000, 28], EPERM],
    ['binding a netlink socket', 'bind', [3, 0x1000, 12], ALLOW],
    ['a packet socket', 'socket', [17, 3, 0], EPERM],
    ['a packet socket by its old name', 'socket', [2, 10, 0x0300], EPERM],
    ['an XDP socket', 'socket', [44, 3, 0], EPERM],
    ['a socket of the kernel’s ciphers', 'socket', [38, 5, 0], EPERM],
    ['a raw IPv4 socket', 'socket', [2, 3 | 0o2004000, 1], EPERM],
    ['a TCP socket', 'socket', [2, 1 | 0o2004000, 0], ALLOW],
    ['a TCP socket of IPv6', 'socket', [10, 1, 0], ALLOW],
    ['a UDP socket', 'socket', [2, 2, 0], ALLOW],
    ['a Unix socket', 'socket', [1, 5, 0], ALLOW],
    ['a netlink socket', 'socket', [16, 3 | 0o2000000, 0], ALLOW],
    ['a thread', 'clone', [0x3d0f00], ALLOW],
    ['a process', 'clone', [17], ALLOW],
    ['a process in a network namespace', 'clone', [0x4000_0000 | 17], EPERM],
    ['a process in a user namespace', 'clone', [0x1000_0000 | 17], EPERM],
    ['clone3', 'clone3', [], ENOSYS],
    ['typing for somebody else', 'ioctl', [0, 0x5412], EPERM],
    ['how wide a terminal is', 'ioctl', [0, 0x5413], ALLOW],
  ])('judges %s', (_, name, args, expected) => {
    expect(call(name, ...args)).toBe(expected);
  });

  it('lets read, write and what comes in future pass', () => {
    const [read, write] = machine === 'x64' ? [0, 1] : [63, 64];
    for (const number of [read, write, 999]) expect(answer(machine, number)).toBe(ALLOW);
  });

  it('refuses whatever comes as a call of another architecture', () => {
    const i386 = 0x4000_0003;
    const arm = 0x4000_0028;
    for (const other of [i386, arm, AUDIT_ARCH[machine === 'x64' ? 'arm64' : 'x64']]) {
      expect(answer(machine, 0, [], other)).toBe(EPERM);
    }
  });
});

it('refuses calls of x32', () => {
  expect(answer('x64', 0x4000_0000)).toBe(EPERM);
  expect(answer('x64', 0x4000_0000 | 541)).toBe(EPERM);
});

it('tells when a call has no number on a machine', () => {
  expect([systemCallNumber('iopl', 'x64'), systemCallNumber('iopl', 'arm64')]).toEqual([172, undefined]);
});
