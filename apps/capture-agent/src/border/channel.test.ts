import { once } from 'node:events';
import { fstatSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { MAX_BUNDLES_BYTES } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { closeDescriptor, WakeUp } from '@bpfleet/linux';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { ChannelOpener } from './channel-opener.js';
import { ChannelServer, type ServedOpener } from './channel-server.js';
import type { DescriptorReceiver, DescriptorSender, ReceivedDescriptor } from './descriptors.js';
import { encodeFrame } from './framing.js';
import { encodeMessage } from './messages.js';
import type { CaptureSocket, DesireOrder, OpenerEvent } from './opener-port.js';

const rounds = Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);
const KEY = '11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=';
const DIGEST = `sha256:${'0'.repeat(64)}`;
const ENVELOPE = { payloadType: 'text/plain', payload: 'AAAA', signatures: [{ sig: 'AAAA' }] };
const HELLO = { agent: 'a', epoch: 7, delegation: ENVELOPE, identityPublicKey: KEY };
const SETTINGS = { flushWindowMs: 200, reportIntervalMs: 60_000, budgets: {} };
const ANSWER = { generation: 3, settings: SETTINGS, members: [], outcomes: [] };
const MEMBER = {
  ...{ filter: 'web', version: 1, digest: DIGEST, expression: 'tcp', snaplenBytes: 96, sampling: 1 },
  program: {
    linkType: 'EN10MB',
    form: 'live' as const,
    target: 'cbpf' as const,
    instructions: [[6, 0, 0, 96] as [number, number, number, number]],
  },
  budget: { packetsPerSecond: 0, bytesPerSecond: 0 },
};
const ETH0 = { name: 'eth0', index: 2, linkType: 'EN10MB', cooked: false };
const BRANCHES = [{ interfaces: [ETH0], members: [MEMBER] }];
const socketOf = (id: number): CaptureSocket => ({
  id,
  isShared: false,
  branches: BRANCHES,
  ring: { blockBytes: 262_144, blockCount: 4, skipOutgoing: false },
  isOwnSocket: false,
  wasRead: false,
  openedAtMs: 1_000,
});
/** Not one of Node's: those it would close by itself at the end of a thread. */
const newDescriptor = () => WakeUp.create().fd;
const isOpen = (fd: number): boolean => {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
};

/** Remembers what it was asked. */
class FakeOpener implements ServedOpener {
  isConfined = true;
  readonly asked: unknown[][] = [];
  fails: unknown;
  onHello: () => void = () => {};
  readonly #answer = async <T>(answer: T, ...asked: unknown[]): Promise<T> => {
    this.asked.push(asked);
    if (this.fails !== undefined) throw this.fails;
    return answer;
  };
  hello = async (key: string) => {
    this.onHello();
    return this.#answer(HELLO, 'hello', key);
  };
  desire = (order: unknown) => this.#answer(ANSWER, 'desire', order);
  challenge = () => this.#answer({ nonce: 'n-1', wantsState: true }, 'challenge');
  cut = (socket: number, swap: number) => this.#answer(undefined, 'cut', socket, swap);
  drained = (socket: number) => this.#answer(undefined, 'drained', socket);
  attest = (nonce?: string) =>
    this.#answer({ outcomes: [], statements: [ENVELOPE], troubles: ['disk'] }, 'attest', nonce);
  pin = (keys: readonly string[]) => this.#answer(undefined, 'pin', keys);
  enrolment = (labels: object) => this.#answer(ENVELOPE, 'enrolment', labels);
}

/** Copies as SCM_RIGHTS makes them stand for the descriptors themselves here: the numbers alone travel. */
class FakeDescriptors implements DescriptorSender, DescriptorReceiver {
  readonly #queue: ReceivedDescriptor[] = [];
  room = Number.POSITIVE_INFINITY;
  send(_: number, number: number): boolean {
    if (this.#queue.length >= this.room) return false;
    this.#queue.push({ fd: newDescriptor(), number });
    return true;
  }
  receive = () => this.#queue.shift();
  close(): void {
    for (const { fd } of this.#queue.splice(0)) closeDescriptor(fd);
  }
}

const open: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop();
});

async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const there = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [[here]] = (await Promise.all([once(server, 'connection'), once(there, 'connect')])) as [[Socket], unknown];
  server.close();
  return [here, there];
}

async function channel() {
  const [here, there] = await socketPair();
  const opener = new FakeOpener();
  const descriptors = new FakeDescriptors();
  const refused: string[] = [];
  const faults: unknown[] = [];
  const server = new ChannelServer(opener, here, descriptors, {
    refused: (reason) => refused.push(reason),
    fault: (error) => faults.push(error),
  });
  server.start();
  open.push(server);
  return { opener, descriptors, refused, faults, server, there };
}

async function connected() {
  const parts = await channel();
  const gone: BpfleetError[] = [];
  const events: OpenerEvent[] = [];
  const port = new ChannelOpener(parts.there, parts.descriptors, (error) => gone.push(error));
  open.push(port);
  await port.start((event) => events.push(event));
  return { ...parts, port, gone, events };
}

const until = (holds: () => boolean) => expect.poll(holds, { interval: 1, timeout: 10_000 }).toBe(true);

describe('the border', () => {
  it('carries every call over, and its answer back', async () => {
    const { port, opener } = await connected();
    const order = { state: ENVELOPE, bundles: ['AAAA', 'BBBB'], excluded: [{ address: '192.0.2.1', port: 9092 }] };
    expect(port.isConfined).toBe(false);
    expect(await port.hello(KEY)).toEqual(HELLO);
    expect(port.isConfined).toBe(true);
    expect(await port.desire(order)).toEqual(ANSWER);
    expect(await port.challenge()).toEqual({ nonce: 'n-1', wantsState: true });
    await port.cut(1, 2);
    await port.drained(1);
    expect(await port.attest('nonce')).toEqual({ outcomes: [], statements: [ENVELOPE], troubles: ['disk'] });
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
    const { port, opener } = await connected();
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
    const { port, opener, faults } = await connected();
    opener.fails = new BpfleetError('SIGNATURE_INVALID', 'no trusted key', { hint: 'enrol' });
    await expect(port.desire({ state: ENVELOPE, bundles: [], excluded: [] })).rejects.toMatchObject({
      ...{ code: 'SIGNATURE_INVALID', message: 'no trusted key', hint: 'enrol' },
    });
    expect(faults).toEqual([]);
  });

  it('tells nothing of a fault but that there was one', async () => {
    const { port, opener, faults } = await connected();
    opener.fails = new Error('the key is …');
    await expect(port.attest()).rejects.toMatchObject({ code: 'INTERNAL', message: expect.not.stringMatching('key') });
    expect(faults).toEqual([opener.fails]);
  });

  it('tells of events from hello on, behind its answer, sockets with a descriptor', async () => {
    const { port, opener, server, events } = await connected();
    const [early, greeted, late] = [newDescriptor(), newDescriptor(), newDescriptor()];
    server.tell({ kind: 'socket', socket: socketOf(1), fd: early });
    opener.onHello = () => server.tell({ kind: 'socket', socket: socketOf(2), fd: greeted });
    expect(isOpen(early)).toBe(false);
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
    for (const event of events) {
      if (event.kind !== 'socket') continue;
      expect(isOpen(event.fd)).toBe(true);
      closeDescriptor(event.fd);
    }
    expect([isOpen(greeted), isOpen(late)]).toEqual([false, false]);
  });

  it('waits with a socket until there is room for its descriptor', async () => {
    const { port, server, descriptors, events } = await connected();
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
    const { port, opener } = await connected();
    await port.hello(KEY);
    await expect(port.hello(KEY)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    expect(opener.asked).toHaveLength(1);
  });

  it('ends what waits when the opener ends, and says so once', async () => {
    const { port, opener, server, gone } = await connected();
    opener.cut = () => new Promise(() => {});
    const waiting = port.cut(1, 1);
    await turn();
    server.stop();
    await expect(waiting).rejects.toMatchObject({ code: 'INTERNAL', message: expect.stringMatching('has ended') });
    await expect(port.attest()).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(gone).toHaveLength(1);
  });

  it('ends without a word when it is stopped', async () => {
    const { port, server, gone } = await connected();
    await port.stop();
    await server.closed;
    expect(gone).toEqual([]);
  });

  it('gives up a reader that does not read', async () => {
    const { there, opener, server, refused } = await channel();
    there.write(encodeFrame(encodeMessage({ id: 1, call: 'hello', request: { sessionPublicKey: KEY } })));
    await until(() => opener.asked.length === 1);
    for (let i = 0; i < 60_000; i++) server.tell({ kind: 'swap', socket: i, swap: { id: 1, branches: BRANCHES } });
    await server.closed;
    expect(refused).toEqual([expect.stringMatching('not read')]);
  });
});

describe('a hostile agent process', () => {
  /** Sends bytes, and then asks something proper. */
  async function survives({ there, opener }: { there: Duplex; opener: FakeOpener }): Promise<void> {
    there.write(encodeFrame(encodeMessage({ id: 99, call: 'drained', request: { socket: 4711 } })));
    await until(() => opener.asked.at(-1)?.[1] === 4711);
  }

  it.each<[string, unknown]>([
    ['no object', 7],
    ['an unknown call', { id: 1, call: 'stop', request: {} }],
    ['a call by an inherited name', { id: 1, call: 'constructor', request: {} }],
    ['no number', { id: 'x', call: 'cut', request: { socket: 1, swap: 1 } }],
    ['more than a request has', { id: 1, call: 'cut', request: { socket: 1, swap: 1 }, as: 'root' }],
    ['a forged order', { id: 1, call: 'attach', request: { program: [[6, 0, 0, 1]] } }],
    ['a socket that is no number', { id: 1, call: 'cut', request: { socket: {}, swap: 1 } }],
    ['an argument too many', { id: 1, call: 'drained', request: { socket: 1, fd: 2 } }],
    ['a key that is none', { id: 1, call: 'pin', request: { keys: ['x'] } }],
    ['no state', { id: 1, call: 'desire', request: { state: 'x', excluded: [] } }],
    ['endpoints without end', { id: 1, call: 'desire', request: { state: ENVELOPE, excluded: Array(2000).fill({}) } }],
  ])('is refused %s, and counted', async (_, message) => {
    const parts = await channel();
    parts.there.resume();
    parts.there.write(encodeFrame(encodeMessage(message)));
    await survives(parts);
    expect(parts.opener.asked).toHaveLength(1);
    expect(parts.server.refused).toBe(1);
  });

  it('is handed as many bundles as a state may have', async () => {
    const { port, opener } = await connected();
    const each = 4 * 1024 * 1024;
    const bundles = Array.from({ length: MAX_BUNDLES_BYTES / each }, () => Buffer.alloc(each).toString('base64'));
    await port.desire({ state: ENVELOPE, bundles, excluded: [] });
    expect((opener.asked[0]![1] as DesireOrder).bundles).toHaveLength(bundles.length);
  });

  it('is refused bundles without end', async () => {
    const parts = await channel();
    let answers = '';
    parts.there.on('data', (chunk) => {
      answers += chunk;
    });
    const bundle = encodeFrame(encodeMessage({ id: 1, call: 'bundle', request: { payload: 'A'.repeat(5 << 20) } }));
    for (let i = 0; i < 40; i++) {
      if (!parts.there.write(bundle)) await once(parts.there, 'drain');
    }
    await survives(parts);
    await until(() => (answers.match(/more bundles than/g)?.length ?? 0) >= 4);
  });

  it(
    'does nothing with bytes of any kind',
    async () => {
      const inputs = 20_000 * rounds;
      const parts = await channel();
      parts.there.resume();
      const valid = fc.constantFrom(
        { id: 1, call: 'hello', request: { sessionPublicKey: KEY } },
        { id: 2, call: 'desire', request: { state: ENVELOPE, excluded: [] } },
        { id: 3, call: 'attest', request: {} },
      );
      const damaged = fc.tuple(valid, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([message, at, byte]) => {
        const payload = encodeMessage(message);
        payload[at % payload.length] = byte;
        return payload;
      });
      const payload = fc.oneof(damaged, fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.json().map(encodeMessage));
      // Whole frames: what follows a wrong length is read as something else, which the next test tries.
      for (const bytes of fc.sample(payload, inputs)) {
        if (bytes.length > 0 && !parts.there.write(encodeFrame(bytes))) {
          await once(parts.there, 'drain');
        }
      }
      await survives(parts);
      // What a damaged byte left valid is asked; nothing else gets through, and nothing is a fault of ours.
      for (const [call, argument] of parts.opener.asked) {
        expect(['hello', 'desire', 'attest', 'drained']).toContain(call);
        if (call === 'hello') expect(argument).toMatch(/^[A-Za-z0-9+/]{43}=$/);
      }
      expect(parts.faults).toEqual([]);
      expect(parts.server.refused).toBeGreaterThan(inputs / 2);
    },
    60_000 * rounds,
  );

  it('does nothing with a stream of noise', async () => {
    const parts = await channel();
    parts.there.resume();
    for (const bytes of fc.sample(fc.uint8Array({ minLength: 1, maxLength: 4096 }), 2000)) parts.there.write(bytes);
    parts.there.end();
    await parts.server.closed;
    expect(parts.opener.asked).toEqual([]);
    expect(parts.faults).toEqual([]);
  });
});
