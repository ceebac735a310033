import { Worker, type WorkerOptions } from 'node:worker_threads';
import { BpfleetError } from '@bpfleet/errors';
import { WakeUp } from '@bpfleet/linux';
import type { Logger } from 'pino';
import type { DesireAnswer, OpenerEvent, OpenerPort } from '../../border/opener-port.js';
import type { StoredSection } from '../../spool/section-store.js';
import type { BudgetStep } from '../attribution/budget.js';
import type { CaptureCounters, CaptureNews, CaptureOrder, CaptureThreadData } from '../ring/capture-messages.js';
import { Notice } from '../ring/notice.js';
import type { RingPosition } from '../sections/open-section.js';
import type { CaptureRun, PacketSource, SourceEvents } from './packet-source.js';

/** Sections that close so soon after one was told of are told of together. */
const SPOOLED_QUIET_MS = 25;

/** The thread makes little garbage: some objects per section. */
const YOUNG_GENERATION_MIB = 6;

const UNKEPT =
  'too many packet sockets to keep where they are cut: a kill -9 may lose or double packets; have fewer filters that need an own socket';
const UNCOPIED =
  'packets of a socket are copied one by one, which takes longer: let the agent have the addresses (ulimit -v), on a processor with vectors';

interface Waiting {
  readonly resolve: (counters: CaptureCounters) => void;
  readonly reject: (error: Error) => void;
}

/** The AF_PACKET source: rings are walked in a thread of their own, this is its face in the main thread. */
export class RingSource implements PacketSource {
  readonly kind = 'ring';
  readonly abilities = {
    kernelProgram: true,
    nanosecondTime: true,
    direction: true,
    kernelCounters: true,
    vlanMetadata: true,
  };
  mappedBytes = 0;
  readonly troubles: readonly string[] = [];
  /** Of each socket's ring. */
  readonly #rings = new Map<number, number>();
  #thread: Worker | undefined;
  #wakeUp: WakeUp | undefined;
  readonly #spooledNotice = new Notice();
  #quiet: NodeJS.Timeout | undefined;
  #events!: SourceEvents;
  #exited: Promise<void> = Promise.resolve();
  #lastId = 0;
  /** Sections that the thread is to append. */
  readonly #trying = new Map<number, { readonly resolve: () => void; readonly reject: (error: Error) => void }>();
  readonly #waiting = new Map<number, Waiting>();
  /** After `stop`: as they were at the end. */
  #last: CaptureCounters | undefined;

  constructor(
    private readonly opener: Pick<OpenerPort, 'cut' | 'drained'>,
    /** Where the process before stood on sockets that it left open: by the spool's last record. */
    private readonly resumeAt: readonly RingPosition[],
    private readonly logger: Pick<Logger, 'warn'>,
  ) {}

  async start(run: CaptureRun, events: SourceEvents): Promise<void> {
    const wakeUp = WakeUp.create();
    const { timeOrigin: timeOriginMs } = performance;
    const spooledNotice = this.#spooledNotice.memory;
    const workerData: CaptureThreadData = { ...run, timeOriginMs, spooledNotice, wakeUpDescriptor: wakeUp.fd };
    const thread = new Worker(...threadFile(workerData));
    this.#events = events;
    this.#wakeUp = wakeUp;
    this.#thread = thread;
    thread.on('error', (error) => events.fatal(error));
    this.#exited = new Promise((resolve) => thread.once('exit', () => resolve(this.#ended())));
    await new Promise<void>((resolve, reject) => {
      thread.once('error', reject);
      thread.on('message', (news: CaptureNews) => {
        if (news.kind === 'ready') resolve();
        else this.#hear(news);
      });
    });
  }

  async apply({ settings }: DesireAnswer): Promise<void> {
    this.#order({ kind: 'settings', flushWindowMs: settings.flushWindowMs });
  }

  follow(event: OpenerEvent): void {
    if (event.kind === 'socket') {
      const resume = this.resumeAt.find(({ socket }) => socket === event.socket.id);
      this.#map(event.socket.id, event.socket.ring.blockBytes * event.socket.ring.blockCount);
      this.#order({ kind: 'socket', socket: event.socket, fd: event.fd, resume });
    } else if (event.kind === 'swap') this.#order({ kind: 'swap', socket: event.socket, swap: event.swap });
    else if (event.kind === 'draining') this.#order({ kind: 'draining', socket: event.socket });
  }

  spool(section: StoredSection): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#thread === undefined) {
        reject(notRunning());
        return;
      }
      const id = ++this.#lastId;
      this.#trying.set(id, { resolve, reject });
      this.#order({ kind: 'spool', id, section });
    });
  }

  throttle(step: BudgetStep): void {
    this.#order({ kind: 'throttle', step });
  }

  collect(): void {
    this.#order({ kind: 'collect' });
  }

  async counters(): Promise<CaptureCounters> {
    return this.#last ?? this.#ask('counters');
  }

  async stop(): Promise<void> {
    if (this.#thread !== undefined) this.#last = await this.#ask('stop');
    await this.#exited;
    clearTimeout(this.#quiet);
    this.#wakeUp?.close();
    this.#wakeUp = undefined;
  }

  #hear(news: CaptureNews): void {
    switch (news.kind) {
      case 'spooled':
        this.#spooled();
        break;
      case 'refused':
        this.#events.refused(news.header, news.bytes, news);
        break;
      case 'tried':
        this.#trying.get(news.id)?.resolve();
        this.#trying.delete(news.id);
        break;
      case 'step':
        this.#events.stepped(news.filter, news.step);
        break;
      case 'cut':
        this.opener.cut(news.socket, news.swap).catch(this.#events.fatal);
        break;
      case 'drained':
        this.#map(news.socket, 0);
        this.opener.drained(news.socket).catch(this.#events.fatal);
        break;
      case 'mapped':
        if (this.#rings.has(news.socket)) this.#map(news.socket, news.bytes);
        break;
      case 'uncopied':
        this.logger.warn({ code: 'PLATFORM_UNSUPPORTED', socket: news.socket, reason: news.reason }, UNCOPIED);
        break;
      case 'unkept':
        this.logger.warn({ socket: news.socket }, UNKEPT);
        break;
      case 'counters':
      case 'stopped':
        this.#waiting.get(news.id)?.resolve(news.counters);
        this.#waiting.delete(news.id);
        break;
    }
  }

  #spooled(): void {
    this.#events.spooled();
    this.#quiet = setTimeout(() => {
      this.#spooledNotice.take();
      this.#events.spooled();
    }, SPOOLED_QUIET_MS);
  }

  /** @param bytes of its ring, as often as it is mapped: each counts as memory of this process */
  #map(socket: number, bytes: number): void {
    if (bytes > 0) this.#rings.set(socket, bytes);
    else this.#rings.delete(socket);
    this.mappedBytes = [...this.#rings.values()].reduce((sum, one) => sum + one, 0);
  }

  #ended(): void {
    this.#thread = undefined;
    for (const { reject } of [...this.#waiting.values(), ...this.#trying.values()]) {
      reject(new BpfleetError('INTERNAL', 'the capture thread ended'));
    }
    this.#waiting.clear();
    this.#trying.clear();
  }

  #ask(kind: 'counters' | 'stop'): Promise<CaptureCounters> {
    return new Promise((resolve, reject) => {
      if (this.#thread === undefined) {
        reject(notRunning());
        return;
      }
      const id = ++this.#lastId;
      this.#waiting.set(id, { resolve, reject });
      this.#order({ kind, id });
    });
  }

  #order(order: CaptureOrder): void {
    this.#thread?.postMessage(order);
    this.#wakeUp?.wake();
  }
}

const notRunning = (): BpfleetError => new BpfleetError('INTERNAL', 'the capture thread does not run');

/** Node runs the built file; a test that reads this one from source still needs the built one, and built packages. */
function threadFile(workerData: CaptureThreadData): [URL, WorkerOptions] {
  const options = { workerData, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB } };
  if (!import.meta.url.endsWith('.ts')) return [new URL('../ring/capture-thread.js', import.meta.url), options];
  return [new URL('../../../dist/capture/ring/capture-thread.js', import.meta.url), { ...options, execArgv: [] }];
}
