import type { Duplex } from 'node:stream';
import { MAX_BUNDLES_BYTES } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { closeDescriptor } from '@bpfleet/linux';
import type { DescriptorSender } from './descriptors.js';
import { FrameReader } from './framing.js';
import {
  type CallName,
  type CallRequest,
  calls,
  decodeMessage,
  type Failure,
  type OpenerFrame,
  RequestFrame,
} from './messages.js';
import type { OpenerEvent, OpenerPort } from './opener-port.js';
import { Outbox } from './outbox.js';

/** What is served: everything of the port but its life. */
export type ServedOpener = Omit<OpenerPort, 'start' | 'stop'>;

export interface ChannelServerEvents {
  /** It sent what is no message, or no request that there is: that did nothing. */
  refused(reason: string): void;
  /** A fault of ours. */
  fault(error: unknown): void;
}

/** Requests that wait; the stream is not read further meanwhile. */
const MAX_PENDING = 32;
const MAX_BUNDLES = 1024;
/** In base64, each filled up to a multiple of 4. */
const MAX_BUNDLE_CHARACTERS = Math.ceil((MAX_BUNDLES_BYTES * 4) / 3) + 4 * MAX_BUNDLES;

/**
 * The opener's end of the border. Whatever comes from there is hostile: read by schema, one request after the other, with
 * bounded memory; what is wrong is counted and does nothing.
 */
export class ChannelServer {
  /** Resolves when the other end is gone. */
  readonly closed: Promise<void>;
  refused = 0;
  #isClosed = false;
  #isGreeted = false;
  /** Events of a greeting follow its answer. */
  #held: OpenerEvent[] | undefined;
  #bundles: string[] = [];
  #bundleCharacters = 0;
  #pending = 0;
  #handling: Promise<void> = Promise.resolve();
  readonly #outbox: Outbox;
  readonly #frames = new FrameReader({
    onFrame: (payload) => this.#hear(decodeMessage(payload)),
    onRefused: (bytes) => this.#refuse(`a message of ${bytes} bytes`),
  });

  constructor(
    private readonly opener: ServedOpener,
    private readonly stream: Duplex,
    private readonly descriptors: DescriptorSender,
    private readonly events: ChannelServerEvents,
  ) {
    this.closed = new Promise((resolve) => stream.once('close', resolve));
    // A process that is gone is no fault of ours: whoever waits for `closed` sees to it.
    this.#outbox = new Outbox(stream, descriptors, (error) => {
      if (!(error instanceof BpfleetError)) this.#refuse((error as Error).message);
      this.stop();
    });
  }

  start(): void {
    this.stream.on('data', (chunk: Uint8Array) => this.#frames.push(chunk));
    // `close` follows.
    this.stream.on('error', () => {});
    this.stream.on('end', () => this.stop());
    this.stream.once('close', () => this.stop());
  }

  /** Whoever has not said hello hears nothing: it is told of all sockets then. */
  tell(event: OpenerEvent): void {
    if (this.#held) this.#held.push(event);
    else if (!this.#isGreeted) discard(event);
    else if (event.kind !== 'socket') this.#outbox.put({ event });
    else {
      const { kind, socket, fd } = event;
      this.#outbox.put({ event: { kind, socket } }, { fd, number: socket.id });
    }
  }

  /** To the process at the other end, whether it has said hello or not; the channel serves it until it is gone. */
  askToStop(): void {
    this.#outbox.put({ stop: true } satisfies OpenerFrame);
  }

  /** May be called twice. */
  stop(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.stream.destroy();
    this.descriptors.close();
    this.#outbox.stop();
    for (const event of this.#held ?? []) discard(event);
    this.#held = undefined;
    this.#bundles = [];
  }

  #hear(message: unknown): void {
    const frame = RequestFrame.safeParse(message);
    if (!frame.success) {
      this.#refuse('what is no request');
      return;
    }
    const { id, call, request } = frame.data;
    const parsed = calls[call].request.safeParse(request);
    if (parsed.success) {
      this.#enqueue(() => this.#carryOut(id, call, parsed.data));
      return;
    }
    const { path, message: fault } = parsed.error.issues[0]!;
    this.#refuse(`a request ${call} that is none`);
    const text = `the request ${call} is not readable: ${path.join('.') || 'it'}: ${fault}`;
    this.#answer(id, { error: { code: 'REQUEST_INVALID', message: text } });
  }

  #enqueue(action: () => Promise<void>): void {
    if (++this.#pending > MAX_PENDING) this.stream.pause();
    this.#handling = this.#handling.then(async () => {
      if (!this.#isClosed) await action();
      if (--this.#pending <= MAX_PENDING / 2 && !this.#isClosed) this.stream.resume();
    });
  }

  async #carryOut(id: number, call: CallName, request: unknown): Promise<void> {
    try {
      this.#answer(id, { answer: (await this.#dispatch(call, request)) ?? null });
    } catch (error) {
      if (!(error instanceof BpfleetError)) this.events.fault(error);
      this.#answer(id, { error: failureOf(error) });
    }
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const event of held) this.tell(event);
  }

  #dispatch(call: CallName, request: unknown): Promise<unknown> {
    const { opener } = this;
    const as = <C extends CallName>(_call: C) => request as CallRequest<C>;
    switch (call) {
      case 'hello':
        return this.#hello(as(call).sessionPublicKey);
      case 'bundle':
        return this.#keepBundle(as(call).payload);
      case 'desire':
        return opener.desire({ ...as(call), bundles: this.#takeBundles() });
      case 'challenge':
        return opener.challenge();
      case 'cut':
        return opener.cut(as(call).socket, as(call).swap);
      case 'drained':
        return opener.drained(as(call).socket);
      case 'attest':
        return opener.attest(as(call).nonce);
      case 'pin':
        return opener.pin(as(call).keys);
      case 'enrolment':
        return opener.enrolment(as(call).labels);
    }
  }

  /** Once: another process has a channel of its own. */
  async #hello(sessionPublicKey: string): Promise<unknown> {
    if (this.#isGreeted) throw new BpfleetError('REQUEST_INVALID', 'this process has said hello already');
    this.#isGreeted = true;
    this.#held = [];
    return this.opener.hello(sessionPublicKey);
  }

  async #keepBundle(payload: string): Promise<void> {
    this.#bundleCharacters += payload.length;
    this.#bundles.push(payload);
    if (this.#bundles.length <= MAX_BUNDLES && this.#bundleCharacters <= MAX_BUNDLE_CHARACTERS) return;
    this.#takeBundles();
    throw new BpfleetError('REQUEST_INVALID', 'these are more bundles than a state may name');
  }

  #takeBundles(): string[] {
    const bundles = this.#bundles;
    this.#bundles = [];
    this.#bundleCharacters = 0;
    return bundles;
  }

  #refuse(reason: string): void {
    this.refused++;
    this.events.refused(reason);
  }

  #answer(id: number, answer: { answer: unknown } | { error: Failure }): void {
    this.#outbox.put({ id, confined: this.opener.isConfined, ...answer });
  }
}

function discard(event: OpenerEvent): void {
  if (event.kind === 'socket') closeDescriptor(event.fd);
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof BpfleetError)) return { code: 'INTERNAL', message: 'the opener has a fault, see its log' };
  const { code, message, hint } = error;
  return hint === undefined ? { code, message } : { code, message, hint };
}
