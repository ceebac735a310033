import { once } from 'node:events';
import { fstatSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { BpfleetError } from '@bpfleet/errors';
import { closeDescriptor, socketPair as descriptorPair } from '@bpfleet/linux';
import { ChannelOpener } from '../channel-opener.js';
import { ChannelServer, type ServedOpener } from '../channel-server.js';
import type { DescriptorReceiver, DescriptorSender, ReceivedDescriptor } from '../descriptors.js';
import type { CaptureSocket, OpenerEvent } from '../opener-port.js';

export const KEY = '11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=';
export const DIGEST = `sha256:${'0'.repeat(64)}`;
export const ENVELOPE = { payloadType: 'text/plain', payload: 'AAAA', signatures: [{ sig: 'AAAA' }] };
export const HELLO = { agent: 'a', epoch: 7, delegation: ENVELOPE, identityPublicKey: KEY };
const SETTINGS = { flushWindowMs: 200, reportIntervalMs: 60_000, budgets: {} };
export const ANSWER = { generation: 3, settings: SETTINGS, members: [], outcomes: [] };
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
export const BRANCHES = [{ interfaces: [ETH0], members: [MEMBER] }];
export const socketOf = (id: number): CaptureSocket => ({
  id,
  isShared: false,
  branches: BRANCHES,
  ring: { blockBytes: 262_144, blockCount: 4, skipOutgoing: false },
  isOwnSocket: false,
  wasRead: false,
  openedAtMs: 1_000,
});
/** Not one of Node's: those it would close by itself at the end of a thread. */
export function newDescriptor(): number {
  const [here, there] = descriptorPair('seqpacket');
  closeDescriptor(there);
  return here;
}
/** Which socket a number stands for; undefined: none. Other threads of the tests take numbers that are free again. */
export function socketInode(fd: number): number | undefined {
  try {
    return fstatSync(fd).ino;
  } catch {
    return undefined;
  }
}

/** Remembers what it was asked. */
export class FakeOpener implements ServedOpener {
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
    this.#answer(
      { generation: 7, outcomes: [], statements: [ENVELOPE], troubles: ['disk'], asRoot: 'why' },
      ...['attest', nonce],
    );
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

/** Both ends of the border in one process, over a connection of its own. */
export class ChannelRig {
  readonly #open: { stop(): unknown }[] = [];

  /** The opener's end, and the bare connection of whoever is at the other. */
  async channel() {
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
    this.#open.push(server);
    return { opener, descriptors, refused, faults, server, there };
  }

  /** Both ends. */
  async connected() {
    const parts = await this.channel();
    const gone: BpfleetError[] = [];
    const events: OpenerEvent[] = [];
    let stops = 0;
    const port = new ChannelOpener(parts.there, parts.descriptors, {
      stop: () => void stops++,
      gone: (error) => void gone.push(error),
    });
    this.#open.push(port);
    await port.start((event) => events.push(event));
    return { ...parts, port, gone, events, stops: () => stops };
  }

  async close(): Promise<void> {
    for (const one of this.#open.splice(0)) await one.stop();
  }
}

async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const there = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [[here]] = (await Promise.all([once(server, 'connection'), once(there, 'connect')])) as [[Socket], unknown];
  server.close();
  return [here, there];
}
