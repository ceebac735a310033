import type { Duplex } from 'node:stream';
import { BpfleetError } from '@bpfleet/errors';
import { closeDescriptor } from '@bpfleet/linux';
import type { DescriptorReceiver } from './descriptors.js';
import { encodeFrame, FrameReader } from './framing.js';
import {
  type CallAnswer,
  type CallName,
  type CallRequest,
  calls,
  decodeMessage,
  type EventMessage,
  encodeMessage,
  OpenerFrame,
} from './messages.js';
import type { DesireAnswer, DesireOrder, OpenerEvent, OpenerHello, OpenerPort } from './opener-port.js';

interface Waiting {
  readonly call: CallName;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly deadline: NodeJS.Timeout;
}

export interface ChannelOpenerEvents {
  /** The opener wants this process to end, as SIGTERM would. Also before `start`. */
  stop(): void;
  /** The opener has ended, or cannot be understood: nothing can be decided any more. Not after `ChannelOpener.stop`. */
  gone(error: BpfleetError): void;
}

/** Longer than the opener needs for the self-tests of a thousand bundles. */
const CALL_TIMEOUT_MS = 60_000;

/** The opener as another process, spoken to over the descriptors that it started this one with. */
export class ChannelOpener implements OpenerPort {
  #isConfined = false;
  #onEvent: (event: OpenerEvent) => void = () => {};
  readonly #waiting = new Map<number, Waiting>();
  /** Descriptors that came, whose events did not yet. */
  readonly #unclaimed = new Map<number, number>();
  #lastId = 0;
  #gone: BpfleetError | undefined;
  #isStopped = false;
  readonly #arrivals: Uint8Array[] = [];
  #isWaiting = false;
  readonly #frames = new FrameReader({
    onFrame: (payload) => this.#arrived(payload),
    onRefused: (bytes) => this.#end(new BpfleetError('INTERNAL', `the opener sent a message of ${bytes} bytes`)),
  });

  constructor(
    private readonly stream: Duplex,
    private readonly descriptors: DescriptorReceiver,
    private readonly events: ChannelOpenerEvents,
  ) {
    stream.on('data', (chunk: Uint8Array) => this.#frames.push(chunk));
    stream.on('error', (cause) => this.#end(openerEnded(cause)));
    stream.on('close', () => this.#end(openerEnded()));
    stream.on('end', () => this.#end(openerEnded()));
  }

  /** As the opener found it when it last answered. */
  get isConfined(): boolean {
    return this.#isConfined;
  }

  async start(onEvent: (event: OpenerEvent) => void): Promise<void> {
    this.#onEvent = onEvent;
  }

  hello(sessionPublicKey: string): Promise<OpenerHello> {
    return this.#call('hello', { sessionPublicKey });
  }

  async desire({ bundles, ...order }: DesireOrder): Promise<DesireAnswer> {
    const sent = bundles.map((payload) => this.#call('bundle', { payload }));
    const request = order as CallRequest<'desire'>;
    const [answer] = await Promise.all([this.#call('desire', request), ...sent]);
    return answer;
  }

  challenge(): Promise<CallAnswer<'challenge'>> {
    return this.#call('challenge', {});
  }

  async cut(socket: number, swap: number): Promise<void> {
    await this.#call('cut', { socket, swap });
  }

  async drained(socket: number): Promise<void> {
    await this.#call('drained', { socket });
  }

  attest(nonce?: string): Promise<CallAnswer<'attest'>> {
    return this.#call('attest', nonce === undefined ? {} : { nonce });
  }

  async pin(keys: readonly string[]): Promise<void> {
    await this.#call('pin', { keys: [...keys] });
  }

  enrolment(labels: Readonly<Record<string, string>>): Promise<unknown> {
    return this.#call('enrolment', { labels });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#end(new BpfleetError('INTERNAL', 'the agent stops'));
    this.stream.destroy();
    this.descriptors.close();
  }

  #call<C extends CallName>(call: C, request: CallRequest<C>): Promise<CallAnswer<C>> {
    return new Promise((resolve, reject) => {
      if (this.#gone) {
        reject(this.#gone);
        return;
      }
      const id = ++this.#lastId;
      const frame = encodeFrame(encodeMessage({ id, call, request }));
      const deadline = setTimeout(() => this.#late(id), CALL_TIMEOUT_MS).unref();
      this.#waiting.set(id, { call, resolve: resolve as (answer: unknown) => void, reject, deadline });
      this.stream.write(frame);
    });
  }

  #late(id: number): void {
    const call = this.#waiting.get(id)?.call;
    this.#take(id)?.reject(
      new BpfleetError('INTERNAL', `the opener did not answer ${call} within ${CALL_TIMEOUT_MS} ms`),
    );
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    if (waiting) clearTimeout(waiting.deadline);
    this.#waiting.delete(id);
    return waiting;
  }

  #arrived(payload: Uint8Array): void {
    this.#arrivals.push(payload);
    if (!this.#isWaiting) this.#hearAll();
  }

  /** Whoever gets an answer has seen it before the events behind it come, in whatever pieces the stream brought them. */
  #hearAll(): void {
    this.#isWaiting = false;
    for (let next = this.#arrivals.shift(); next !== undefined && !this.#gone; next = this.#arrivals.shift()) {
      const wasAnswer = this.#hear(decodeMessage(next));
      if (!wasAnswer) continue;
      this.#isWaiting = true;
      setImmediate(() => this.#hearAll());
      return;
    }
  }

  /** @returns whether it was an answer */
  #hear(message: unknown): boolean {
    const parsed = OpenerFrame.safeParse(message);
    if (!parsed.success) {
      this.#end(new BpfleetError('INTERNAL', 'the opener sent what is no message: are both of one release?'));
      return false;
    }
    const frame = parsed.data;
    if ('stop' in frame) {
      this.events.stop();
      return false;
    }
    if ('event' in frame) {
      const event = this.#eventOf(frame.event);
      if (event) this.#onEvent(event);
      return false;
    }
    this.#isConfined = frame.confined;
    const waiting = this.#take(frame.id);
    if (waiting) settle(waiting, frame);
    return true;
  }

  #eventOf(event: EventMessage): OpenerEvent | undefined {
    if (event.kind !== 'socket') return event;
    const { id } = event.socket;
    const fd = this.#claim(id);
    if (fd !== undefined) return { ...event, fd };
    this.#end(new BpfleetError('INTERNAL', `the descriptor of socket ${id} did not come before its event`));
    return undefined;
  }

  #claim(socket: number): number | undefined {
    for (let next = this.descriptors.receive(); next !== undefined; next = this.descriptors.receive()) {
      this.#unclaimed.set(next.number, next.fd);
      if (next.number === socket) break;
    }
    const fd = this.#unclaimed.get(socket);
    this.#unclaimed.delete(socket);
    return fd;
  }

  #end(error: BpfleetError): void {
    if (this.#gone) return;
    this.#gone = error;
    for (const id of [...this.#waiting.keys()]) this.#take(id)?.reject(error);
    for (const fd of this.#unclaimed.values()) closeDescriptor(fd);
    this.#unclaimed.clear();
    if (!this.#isStopped) this.events.gone(error);
  }
}

type AnswerFrame = Extract<OpenerFrame, { id: unknown }>;

function settle({ call, resolve, reject }: Waiting, frame: AnswerFrame): void {
  if ('error' in frame) {
    const { code, message, hint } = frame.error;
    reject(new BpfleetError(code, message, hint === undefined ? {} : { hint }));
    return;
  }
  const answer = calls[call].answer.safeParse(frame.answer);
  if (answer.success) resolve(answer.data);
  else reject(new BpfleetError('INTERNAL', `the opener's answer to ${call} is not readable`));
}

const openerEnded = (cause?: Error): BpfleetError =>
  new BpfleetError('INTERNAL', 'the opener has ended: the agent cannot go on without it', { cause });
