import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { BpfleetError } from '@bpfleet/errors';
import { closeDescriptor } from '@bpfleet/linux';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeFrame } from './framing.js';
import { encodeMessage } from './messages.js';
import type { DesireOrder } from './opener-port.js';
import {
  ANSWER,
  BRANCHES,
  ChannelRig,
  DIGEST,
  ENVELOPE,
  HELLO,
  KEY,
  newDescriptor,
  socketInode,
  socketOf,
} from './testing/channel-rig.js';

const until = (holds: () => boolean) => expect.poll(holds, { interval: 1, timeout: 10_000 }).toBe(true);

describe('the border', () => {
  const rig = new ChannelRig();
  afterEach(() => rig.close());

  it('carries every call over, and its answer back', async () => {
    const { port, opener } = await rig.connected();
    const order = { state: ENVELOPE, bundles: ['AAAA', 'BBBB'], excluded: [{ address: '192.0.2.1', port: 9092 }] };
    expect(port.isConfined).toBe(false);
    expect(await port.hello(KEY)).toEqual(HELLO);
    expect(port.isConfined).toBe(true);
    expect(await port.desire(order)).toEqual(ANSWER);
    expect(await port.challenge()).toEqual({ nonce: 'n-1', wantsState: true });
    await port.cut(1, 2);
    await port.drained(1);
    expect(await port.attest('nonce')).toEqual({
      generation: 7,
      outcomes: [],
      statements: [ENVELOPE],
      troubles: ['disk'],
      asRoot: 'why',
    });
    await port.attest();
    await port.pin([KEY]);
    expect(await port.enrolment({ env: 'prod' })).toEqual(ENVELOPE);
    expect(opener.asked).toEqual([
      ['hello', KEY],
      ['desire', order],
      ['challenge'],
      ['cut', 1, 2],
      ['drained', 1],
      ['attest', 'nonce'],
      ['attest', undefined],
      ['pin', [KEY]],
      ['enrolment', { env: 'prod' }],
    ]);
  });

  it('carries bundles that are together longer than a message', async () => {
    const { port, opener } = await rig.connected();
    const bundles = Array.from({ length: 5 }, (_, index) => `${index}`.repeat(5 << 20));
    const leftOut = [{ digest: DIGEST, filter: 'big', version: 1 }];
    await port.desire({ state: ENVELOPE, bundles, leftOut, excluded: [] });
    await port.desire({ state: ENVELOPE, bundles: [], excluded: [] });
    expect(opener.asked.map(([, order]) => (order as DesireOrder).leftOut)).toEqual([leftOut, undefined]);
    expect(opener.asked.map(([, order]) => (order as { bundles: string[] }).bundles.map((text) => text[0]))).toEqual([
      ['0', '1', '2', '3', '4'],
      [],
    ]);
  });

  it('keeps code, message and hint of an error', async () => {
    const { port, opener, faults } = await rig.connected();
    opener.fails = new BpfleetError('SIGNATURE_INVALID', 'no trusted key', { hint: 'enrol' });
    await expect(port.desire({ state: ENVELOPE, bundles: [], excluded: [] })).rejects.toMatchObject({
      ...{ code: 'SIGNATURE_INVALID', message: 'no trusted key', hint: 'enrol' },
    });
    expect(faults).toEqual([]);
  });

  it('tells nothing of a fault but that there was one', async () => {
    const { port, opener, faults } = await rig.connected();
    opener.fails = new Error('the key is …');
    await expect(port.attest()).rejects.toMatchObject({ code: 'INTERNAL', message: expect.not.stringMatching('key') });
    expect(faults).toEqual([opener.fails]);
  });

  it('tells of events from hello on, behind its answer, sockets with a descriptor', async () => {
    const { port, opener, server, events } = await rig.connected();
    const passed = [newDescriptor(), newDescriptor(), newDescriptor()] as const;
    const [early, greeted, late] = passed;
    const [earlyInode, ...inodes] = passed.map(socketInode);
    server.tell({ kind: 'socket', socket: socketOf(1), fd: early });
    opener.onHello = () => server.tell({ kind: 'socket', socket: socketOf(2), fd: greeted });
    expect(socketInode(early)).not.toBe(earlyInode);
    const answered = port.hello(KEY).then(() => expect(events).toEqual([]));
    await answered;
    server.tell({ kind: 'swap', socket: 2, swap: { id: 1, branches: BRANCHES } });
    server.tell({ kind: 'socket', socket: socketOf(218_000_000_001), fd: late });
    server.tell({ kind: 'draining', socket: 2 });
    server.tell({ kind: 'changed' });
    await until(() => events.length === 5);
    expect(events).toEqual([
      { kind: 'socket', socket: socketOf(2), fd: expect.any(Number) },
      { kind: 'swap', socket: 2, swap: { id: 1, branches: BRANCHES } },
      { kind: 'socket', socket: socketOf(218_000_000_001), fd: expect.any(Number) },
      { kind: 'draining', socket: 2 },
      { kind: 'changed' },
    ]);
    const received = events.flatMap((event) => (event.kind === 'socket' ? [event.fd] : []));
    expect(received.map(socketInode)).not.toContain(undefined);
    for (const fd of received) closeDescriptor(fd);
    const left = [greeted, late].map(socketInode);
    for (const inode of inodes) expect(left).not.toContain(inode);
  });

  it('says that the process is to stop also to one that has not said hello, and serves it further', async () => {
    const { port, server, stops } = await rig.connected();
    server.askToStop();
    await until(() => stops() === 1);
    await port.hello(KEY);
    server.askToStop();
    await until(() => stops() === 2);
    await port.cut(1, 0);
  });

  it('waits with a socket until there is room for its descriptor', async () => {
    const { port, server, descriptors, events } = await rig.connected();
    await port.hello(KEY);
    descriptors.room = 0;
    server.tell({ kind: 'socket', socket: socketOf(3), fd: newDescriptor() });
    server.tell({ kind: 'changed' });
    await delay(30);
    expect(events).toEqual([]);
    descriptors.room = 1;
    await until(() => events.length === 2);
    expect(events.map(({ kind }) => kind)).toEqual(['socket', 'changed']);
    if (events[0]?.kind === 'socket') closeDescriptor(events[0].fd);
  });

  it('says hello once', async () => {
    const { port, opener } = await rig.connected();
    await port.hello(KEY);
    await expect(port.hello(KEY)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    expect(opener.asked).toHaveLength(1);
  });

  it('ends what waits when the opener ends, and says so once', async () => {
    const { port, opener, server, gone } = await rig.connected();
    opener.cut = () => new Promise(() => {});
    const waiting = port.cut(1, 1);
    await turn();
    server.stop();
    await expect(waiting).rejects.toMatchObject({ code: 'INTERNAL', message: expect.stringMatching('has ended') });
    await expect(port.attest()).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(gone).toHaveLength(1);
  });

  it('ends without a word when it is stopped', async () => {
    const { port, server, gone } = await rig.connected();
    await port.stop();
    await server.closed;
    expect(gone).toEqual([]);
  });

  it('gives up a reader that does not read', async () => {
    const { there, opener, server, refused } = await rig.channel();
    there.write(encodeFrame(encodeMessage({ id: 1, call: 'hello', request: { sessionPublicKey: KEY } })));
    await until(() => opener.asked.length === 1);
    for (let i = 0; i < 60_000; i++) server.tell({ kind: 'swap', socket: i, swap: { id: 1, branches: BRANCHES } });
    await server.closed;
    expect(refused).toEqual([expect.stringMatching('not read')]);
  });
});
