import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeDescriptor, enterNetworkNamespace, PacketSocket } from '@bpfleet/linux';
import { type CaptureSocket, type OpenerEvent, TAKEN_OVER } from '../border/opener-port.js';
import { Opener, type OpenerOptions } from '../opener/opener.js';
import { testOpenerOptions } from './opener-options.js';
import { SigningService } from './signing-service.js';

type SocketEvent = Extract<OpenerEvent, { readonly kind: 'socket' }>;

/** An opener on a test host, without an agent: the test answers its events. */
export class OpenerRig {
  readonly service = new SigningService('agent-1');
  readonly events: OpenerEvent[] = [];
  /** Errors of its log: the facts, and the text. */
  readonly errors: (object | string)[][] = [];
  isConfined = true;
  opener!: Opener;
  /** Of the statuses that arrived: each is answered with another nonce. */
  #nonces = 0;
  #folder = '';
  #failure: unknown;
  #leave: () => void = () => {};

  /** @param namespacePath of the host; the thread stays there until `stop` */
  constructor(
    private readonly namespacePath: string,
    private readonly options: Partial<Pick<OpenerOptions, 'ringBudgetBytes' | 'mayOpen'>> = {},
  ) {}

  async start(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'bpfleet-opener-'));
    this.#leave = enterNetworkNamespace(this.namespacePath);
    const onFatal = (error: unknown) => {
      this.#failure = error;
    };
    this.opener = new Opener(
      testOpenerOptions(join(this.#folder, 'opener'), {
        ...{ ringBudgetBytes: 64 * 1024 * 1024, onFatal },
        isConfined: () => this.isConfined,
        logger: { error: (...line) => void this.errors.push(line), info: () => {} },
        ...this.options,
      }),
    );
    await this.opener.start((event) => this.events.push(event));
    await this.opener.pin([this.service.key.publicKey]);
    await this.opener.hello(this.service.key.publicKey);
  }

  get sockets(): SocketEvent[] {
    return this.events.filter((event): event is SocketEvent => event.kind === 'socket');
  }

  /** Its ring, as the agent reads it. */
  read({ socket, fd }: { readonly socket: CaptureSocket; readonly fd: number }): PacketSocket {
    return PacketSocket.adopt(fd, { geometry: socket.ring, skipOutgoing: false, resume: false, subject: 'test' });
  }

  /** What the status says that is collected after one that arrived. */
  states(): Promise<string[]> {
    this.#nonces++;
    return this.statesAgain();
  }

  /** What it says after one that did not. */
  async statesAgain(): Promise<string[]> {
    const { outcomes } = await this.opener.attest(`nonce-${this.#nonces}`);
    return outcomes.map(({ filter, version, interface: device, state, reason }) =>
      [`${filter}@${version} on ${device} ${state}`, reason].filter(Boolean).join(': '),
    );
  }

  /** Answers what the agent would: everything is cut and drained at once. */
  async settle(): Promise<void> {
    for (const event of [...this.events]) {
      if (event.kind === 'socket' && event.socket.takesOver) await this.opener.cut(event.socket.id, TAKEN_OVER);
      if (event.kind === 'swap') await this.opener.cut(event.socket, event.swap.id);
      if (event.kind === 'draining') await this.opener.drained(event.socket);
    }
  }

  async until(what: string, holds: () => Promise<boolean> | boolean, timeoutMs = 20_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!(await holds())) {
      if (this.#failure !== undefined) throw this.#failure;
      if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** @throws what was fatal for the opener meanwhile */
  async stop(): Promise<void> {
    await this.opener?.stop();
    for (const { fd } of this.sockets) closeDescriptor(fd);
    this.#leave();
    await rm(this.#folder, { recursive: true, force: true });
    if (this.#failure !== undefined) throw this.#failure;
  }
}
