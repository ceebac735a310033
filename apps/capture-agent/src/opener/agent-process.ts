import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { closeDescriptor, confinement, isConfined, sendDescriptor, socketPair } from '@bpfleet/linux';
import type { Logger } from 'pino';
import { abortableDelay } from '../abortable-delay.js';
import { ChannelServer, type ServedOpener } from '../border/channel-server.js';
import type { OpenerEvent } from '../border/opener-port.js';
import type { RunAs } from './run-as.js';

const RESTART_FIRST_MS = 100;
/** Of one that cannot even start. */
const RESTART_MAX_MS = 10_000;
/** An agent that ran so long was no failing start: the next one comes soon, for meanwhile the rings fill. */
const STARTED_MS = 1_000;
const RESTART_STARTED_MAX_MS = 500;
const STOP_TIMEOUT_MS = 15_000;
/**
 * 4 MiB for what lives short, three times: V8 takes 16, and lets go of none of it while anything is sent. `--expose-gc` is for
 * `freeSentBuffers`. On a host with better things to do, collecting with four threads what one does in milliseconds costs more
 * than it saves. So does optimizing what runs some times a second: V8 compiles by bytes of bytecode that ran, here a seventh as
 * often as by default. What runs for each packet is there within a second in either case.
 */
export const agentNodeOptions = [
  '--max-semi-space-size=4',
  '--single-threaded-gc',
  '--expose-gc',
  '--interrupt-budget=500000',
];

export interface AgentProcessOptions {
  /** What the child runs: a script for this Node. */
  readonly entry: string;
  readonly args?: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly runAs: RunAs;
  readonly logger: Logger;
  /** Is told how it ended (exit code or signal), and it is not started again. */
  readonly onEnd?: (how: string) => void;
  /** An agent that stops closes sections and sends for at most 5 s; longer it is stuck. */
  readonly stopTimeoutMs?: number;
}

/** The process with the network connections: started without privileges, and again whenever it ends, on the same sockets. */
export class AgentProcess {
  #child: ChildProcess | undefined;
  /** The child that was found confined. */
  #confined: ChildProcess | undefined;
  #server: ChannelServer | undefined;
  #running: Promise<void> = Promise.resolve();
  readonly #stopping = new AbortController();
  #leave: (how: string) => void = () => {};

  constructor(
    private readonly opener: ServedOpener,
    private readonly options: AgentProcessOptions,
  ) {}

  /** For tests and logs; undefined between two. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Asked of the kernel: what the process says of itself proves nothing. */
  get isConfined(): boolean {
    const child = this.#child;
    if (child?.pid === undefined) return false;
    // Once and for all: what is gone of filters, new privileges, capabilities and root cannot be had back, by new threads neither.
    if (child === this.#confined) return true;
    try {
      if (isConfined(confinement(child.pid))) this.#confined = child;
      return child === this.#confined;
    } catch {
      // It has just ended.
      return false;
    }
  }

  start(onFatal: (error: unknown) => void): void {
    this.#running = this.#run().catch(onFatal);
  }

  tell(event: OpenerEvent): void {
    if (this.#server) this.#server.tell(event);
    else if (event.kind === 'socket') closeDescriptor(event.fd);
  }

  /** By the channel: signals to another user's process need CAP_KILL, which the opener is better without. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#server?.askToStop();
    const kill = setTimeout(() => this.#kill(), this.options.stopTimeoutMs ?? STOP_TIMEOUT_MS);
    await this.#running;
    clearTimeout(kill);
  }

  /** One that is stuck. Where we may not, it ends by itself if it ever finds its channel closed. */
  #kill(): void {
    const { pid } = this;
    if (pid === undefined) return;
    try {
      process.kill(pid, 'SIGKILL');
    } catch (err) {
      this.options.logger.error(
        { err, pid },
        'the agent process does not stop and may not be killed: it is left behind',
      );
      this.#leave('it was left behind');
    }
  }

  async #run(): Promise<void> {
    const { logger, onEnd } = this.options;
    const { signal } = this.#stopping;
    let retryMs = RESTART_FIRST_MS;
    while (!signal.aborted) {
      const startedMs = performance.now();
      const how = await this.#once();
      if (onEnd) {
        onEnd(how);
        return;
      }
      if (signal.aborted) return;
      const maxMs = performance.now() - startedMs > STARTED_MS ? RESTART_STARTED_MAX_MS : RESTART_MAX_MS;
      retryMs = Math.min(retryMs * 2, maxMs);
      logger.error({ how, retryMs }, 'the agent process ended; it is started again on the same sockets');
      await abortableDelay(retryMs, signal);
    }
  }

  /** @returns how it ended */
  async #once(): Promise<string> {
    const { entry, args: own = [], env, runAs, logger } = this.options;
    const [here, there] = socketPair('seqpacket');
    const [command, args, identity] = runAs.command(process.execPath, [...agentNodeOptions, entry, ...own]);
    const child = spawn(command, args, {
      ...identity,
      env,
      // 3: messages; 4: descriptors.
      stdio: ['ignore', 'inherit', 'inherit', 'pipe', there],
    });
    closeDescriptor(there);
    this.#child = child;
    const stream = child.stdio[3] as Duplex;
    const server = new ChannelServer(
      this.opener,
      stream,
      { send: (fd, number) => sendDescriptor(here, fd, number), close: () => closeDescriptor(here) },
      {
        refused: (reason) => logger.warn({ reason }, 'the agent process sent what is no request'),
        fault: (err) => logger.error({ err }, 'a request of the agent process failed'),
      },
    );
    this.#server = server;
    server.start();
    const left = new Promise<string[]>((resolve) => {
      this.#leave = (how) => resolve([how]);
    });
    try {
      const [code, signal] = (await Promise.race([
        once(child, 'exit'),
        once(child, 'error').then(([error]) => [String(error), null]),
        left,
      ])) as [number | string | null, (string | null)?];
      return signal ?? String(code);
    } finally {
      this.#server = undefined;
      this.#child = undefined;
      server.stop();
    }
  }
}
