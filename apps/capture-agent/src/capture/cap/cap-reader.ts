import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { abortableDelay } from '../../abortable-delay.js';
import type { CapNews, CapOrder } from './cap-messages.js';
import { PacketFrameReader } from './packet-frames.js';

/** It ends when an interface goes down, which an interface may do again and again. */
const RESTART_MS = 250;
/** Asked to end, it only writes what it has. */
const STOP_TIMEOUT_MS = 2000;

export interface CapEvents {
  opened(device: number, linkType: string): void;
  /** libpcap's reason. It is not tried again by itself. */
  failed(device: number, reason: string): void;
  /** @param packet valid during the call */
  packet(device: number, atUs: number, packet: Uint8Array): void;
  /** The process ended by itself, with all that libpcap held; every device is opened again by the next one. */
  ended(how: string): void;
}

/** Packets of interfaces by way of a process that has `cap` (see cap-process.ts), started again whenever it ends. */
export class CapReader {
  #child: ChildProcess | undefined;
  readonly #devices = new Map<number, { readonly name: string; readonly bufferBytes: number }>();
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(private readonly events: CapEvents) {}

  start(onFatal: (error: unknown) => void): void {
    this.#running = this.#run().catch(onFatal);
  }

  /** For tests and logs; undefined between two. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  open(device: number, name: string, bufferBytes: number): void {
    this.#devices.set(device, { name, bufferBytes });
    this.#order({ kind: 'open', device, name, bufferBytes });
  }

  close(device: number): void {
    this.#devices.delete(device);
    this.#order({ kind: 'close', device });
  }

  /** What it has read is passed on first. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#order({ kind: 'stop' });
    const child = this.#child;
    const kill = setTimeout(() => child?.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#running;
    clearTimeout(kill);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const how = await this.#once();
      if (signal.aborted) return;
      this.events.ended(how);
      await abortableDelay(RESTART_MS, signal);
    }
  }

  /** @returns how it ended, and its last words */
  async #once(): Promise<string> {
    const child = fork(PROCESS, {
      // It needs none of our settings, the secrets least of all. 4: packets.
      ...{ env: {}, execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc', 'pipe'] },
    });
    this.#child = child;
    const frames = new PacketFrameReader((device, atUs, packet) => this.events.packet(device, atUs, packet));
    (child.stdio[4] as Readable).on('data', (piece: Buffer) => frames.push(piece));
    let words = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-1000);
    });
    child.on('message', (news: CapNews) => this.#hear(news));
    for (const [device, { name, bufferBytes }] of this.#devices)
      this.#order({ kind: 'open', device, name, bufferBytes });
    // `close` comes when its pipes are read to their ends.
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    this.#child = undefined;
    return [signal ?? `code ${code}`, words.trim().split('\n').at(-1)].filter(Boolean).join(': ');
  }

  #hear(news: CapNews): void {
    if (!this.#devices.has(news.device)) return;
    if (news.kind === 'opened') this.events.opened(news.device, news.linkType);
    else {
      this.#devices.delete(news.device);
      this.events.failed(news.device, news.reason);
    }
  }

  /** One that has ended hears nothing: the next one is told of all devices. */
  #order(order: CapOrder): void {
    if (this.#child?.connected) this.#child.send(order, () => {});
  }
}

/** Node runs the built file; a test that reads this one from source still needs the built one. */
const PROCESS = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? '../../../dist/capture/cap/cap-process.js' : './cap-process.js',
    import.meta.url,
  ),
);
