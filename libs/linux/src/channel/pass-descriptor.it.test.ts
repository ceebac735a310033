import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { closeDescriptor, libc, succeed } from '../calls/libc.js';
import { platform } from '../platform.js';
import { waitReadable } from '../poll/poll-set.js';
import { WakeUp } from '../poll/wake-up.js';
import { DescriptorMessage } from './descriptor-message.js';
import { receiveDescriptor, sendDescriptor } from './pass-descriptor.js';
import { socketPair } from './socket-pair.js';

const supported = platform();
const suffix = supported.ok ? '' : ` [skipped: ${supported.reason}]`;
const BUILT = new URL('../../dist/index.js', import.meta.url).href;

/** The eventfds of this process: nothing else is passed here. */
const openDescriptors = () =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes('eventfd');
    } catch {
      // The descriptor of the listing itself.
      return false;
    }
  }).length;
const flagsOf = (fd: number) =>
  Number.parseInt(/^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))![1]!, 8);
const O_CLOEXEC = 0o2000000;

describe.runIf(supported.ok).each(['stream', 'seqpacket'] as const)(`a descriptor on a %s channel${suffix}`, (type) => {
  let wakeUp: WakeUp;
  let here: number;
  let there: number;
  let before: number;
  beforeEach(() => {
    before = openDescriptors();
    wakeUp = WakeUp.create();
    [here, there] = socketPair(type);
  });
  /** No test leaves one open. */
  afterEach(() => {
    wakeUp.close();
    closeDescriptor(here);
    closeDescriptor(there);
    expect(openDescriptors()).toBe(before);
  });
  const receive = () => {
    const passed = receiveDescriptor(there, { nonBlocking: true });
    if (typeof passed === 'string') throw new Error(`${passed} came`);
    return passed;
  };
  const sendForeign = (data: number[], descriptors: number[]) =>
    succeed('sendmsg', libc().sendmsg(here, DescriptorMessage.of(Uint8Array.from(data), descriptors).bytes, 0));

  it('arrives as another one of the same open file, with its number', () => {
    expect(sendDescriptor(here, wakeUp.fd, 0xfedc_ba98)).toBe(true);
    const { fd, id } = receive();
    expect(id).toBe(0xfedc_ba98);
    expect(fd).not.toBe(wakeUp.fd);
    wakeUp.wake();
    expect(waitReadable([fd], 0)).toEqual([fd]);
    closeDescriptor(fd);
  });

  it('lives on when the sender has closed its own', () => {
    const other = WakeUp.create();
    other.wake();
    sendDescriptor(here, other.fd, 1);
    other.close();
    const { fd } = receive();
    expect(waitReadable([fd], 0)).toEqual([fd]);
    closeDescriptor(fd);
  });

  it('is closed on exec, as the channel itself is', () => {
    sendDescriptor(here, wakeUp.fd, 1);
    const { fd } = receive();
    for (const one of [fd, here, there]) expect(flagsOf(one) & O_CLOEXEC).toBe(O_CLOEXEC);
    closeDescriptor(fd);
  });

  it('comes one at a time, in order', () => {
    for (const id of [1, 2, 3]) sendDescriptor(here, wakeUp.fd, id);
    const passed = [receive(), receive(), receive()];
    expect(passed.map(({ id }) => id)).toEqual([1, 2, 3]);
    for (const { fd } of passed) closeDescriptor(fd);
  });

  it('is not there, and then the channel is closed', () => {
    expect(receiveDescriptor(there, { nonBlocking: true })).toBe('nothing');
    sendDescriptor(here, wakeUp.fd, 1);
    closeDescriptor(here);
    closeDescriptor(receive().fd);
    expect(receiveDescriptor(there)).toBe('closed');
    expect(() => sendDescriptor(there, wakeUp.fd, 1)).toThrow(expect.objectContaining({ errno: 'EPIPE' }));
    [here] = socketPair(type);
  });

  it('does not come from an end that was closed with something unread', () => {
    sendDescriptor(there, wakeUp.fd, 1);
    closeDescriptor(here);
    expect(receiveDescriptor(there)).toBe('closed');
    closeDescriptor(there);
    [here, there] = socketPair(type);
  });

  it('waits in the channel until it is full', () => {
    let sent = 0;
    while (sendDescriptor(here, wakeUp.fd, sent)) sent++;
    expect(sent).toBeGreaterThan(100);
    for (let id = 0; id < sent; id++) {
      const passed = receive();
      expect(passed.id).toBe(id);
      closeDescriptor(passed.fd);
    }
    expect(sendDescriptor(here, wakeUp.fd, sent)).toBe(true);
    closeDescriptor(receive().fd);
  });

  it.each([
    ['without a descriptor', [1, 0, 0, 0], 0, /carries 0 descriptors/],
    ['with two', [1, 0, 0, 0], 2, /carries 2 descriptors/],
    ['with as many as there is room for', [1, 0, 0, 0], 12, /carries 12 descriptors/],
    ['that is too short', [1, 0, 0], 1, /not 4 bytes long/],
    ['that is too long', [1, 0, 0, 0, 0], 1, /not 4 bytes long/],
  ])('is refused in a message %s, and closed', (_, data, count, reason) => {
    sendForeign(data, Array<number>(count).fill(wakeUp.fd));
    expect(() => receive()).toThrow(
      expect.objectContaining({ code: 'RECORD_INVALID', message: expect.stringMatching(reason) }),
    );
  });

  it('is refused when more came than can be received', () => {
    const descriptors = Array<number>(12).fill(wakeUp.fd);
    const message = DescriptorMessage.of(Uint8Array.of(1, 0, 0, 0), descriptors);
    succeed('sendmsg', libc().sendmsg(here, message.bytes, 0));
    // The same receiver, with room for two.
    const small = DescriptorMessage.toReceive();
    new DataView(small.bytes.buffer).setBigUint64(40, 24n, true);
    succeed('recvmsg', libc().recvmsg(there, small.bytes, 0));
    expect(small.isControlTruncated).toBe(true);
    expect(small.descriptors()).toHaveLength(2);
    for (const fd of small.descriptors()) closeDescriptor(fd);
  });

  it('goes to another process, and comes back from there', async () => {
    const script = `
      const { receiveDescriptor, sendDescriptor, WakeUp } = await import(${JSON.stringify(BUILT)});
      const { fd, id } = receiveDescriptor(3);
      WakeUp.ofDescriptor(fd).wake();
      sendDescriptor(3, fd, id + 1);
      process.stdout.write(String(receiveDescriptor(3)));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit', there],
    });
    const said = text(child.stdout!);
    const exited = once(child, 'exit');
    closeDescriptor(there);
    sendDescriptor(here, wakeUp.fd, 41);
    const back = receiveDescriptor(here);
    expect(back).toMatchObject({ id: 42 });
    expect(waitReadable([wakeUp.fd], 0)).toEqual([wakeUp.fd]);
    closeDescriptor((back as { fd: number }).fd);
    closeDescriptor(here);
    expect(await said).toBe('closed');
    await exited;
    [here, there] = socketPair(type);
  });

  it('is refused, with what to do, by a process that has no room for it', async () => {
    const script = `
      const { openSync } = await import('node:fs');
      const { platform, receiveDescriptor } = await import(${JSON.stringify(BUILT)});
      // Loads what needs files.
      process.stdout.write(platform().ok + ' ');
      try { for (;;) openSync('/dev/null'); } catch {}
      try { receiveDescriptor(3); } catch ({ code, hint }) { process.stdout.write(code + ' ' + hint); }`;
    const child = spawn('prlimit', ['--nofile=64:64', process.execPath, '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit', there],
    });
    const said = text(child.stdout!);
    sendDescriptor(here, wakeUp.fd, 1);
    expect(await said).toMatch(/^true RECORD_INVALID .*RLIMIT_NOFILE/);
  });
});
