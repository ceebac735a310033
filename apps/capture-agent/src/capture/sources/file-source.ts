import { linkTypeName } from '@bpfleet/packet';
import type { CapturedPacket } from '@bpfleet/section';
import { abortableDelay } from '../../abortable-delay.js';
import type { DesireAnswer, OpenerEvent, SocketInterface } from '../../border/opener-port.js';
import type { StoredSection } from '../../spool/section-store.js';
import type { BudgetStep } from '../attribution/budget.js';
import { type LocalSink, localSink } from '../local-sink.js';
import { packetsOf, type Recording } from '../read-recording.js';
import type { CaptureCounters } from '../ring/capture-messages.js';
import { MemberSections } from './member-sections.js';
import type { CaptureRun, PacketSource, SourceEvents } from './packet-source.js';
import { readRecorded } from './recorded-packet.js';

export interface FileSourceOptions {
  /** `recorded`: with the gaps of the recording; `full`: as fast as it goes; or so many packets per second. */
  readonly speed: 'recorded' | 'full' | number;
  /** `now`: shifted, so that the first packet is captured now; `recorded`: as they are. */
  readonly times: 'recorded' | 'now';
  /** Begin again at the end, until stopped. */
  readonly repeat: boolean;
}

/** The name the packets' interface gets where the recording names none. */
export const FILE_INTERFACE = 'file';
const NS_PER_MS = 1_000_000n;

/** Replays a capture file as if its packets came in now. Filters run in user space, on the view that the kernel has. */
export class FileSource implements PacketSource {
  readonly kind = 'file';
  readonly abilities = {
    kernelProgram: false,
    nanosecondTime: true,
    direction: false,
    kernelCounters: false,
    vlanMetadata: true,
  };
  readonly mappedBytes = 0;
  /** Unix time of the newest packet so far. */
  #newestNs = 0n;
  #sections!: MemberSections;
  #events!: SourceEvents;
  #replaying: Promise<void> | undefined;
  #isUnused = false;
  readonly #stopping = new AbortController();

  #sink: LocalSink | undefined;

  constructor(
    /** The whole file was looked at: a broken one is refused before anything is stored of it. */
    private readonly recording: Recording,
    private readonly options: FileSourceOptions,
  ) {}

  get troubles(): readonly string[] {
    const { cut } = this.recording;
    return cut === undefined ? [] : [cut];
  }

  /** One interface for each link type in the file. */
  get interfaces(): readonly SocketInterface[] {
    const { linkTypes } = this.recording;
    return linkTypes.map((linkType) => ({
      ...{ name: FILE_INTERFACE, index: 0, linkType: linkTypeName(linkType), cooked: false },
    }));
  }

  async start(run: CaptureRun, events: SourceEvents): Promise<void> {
    this.#events = events;
    this.#sink = localSink(run, events);
    this.#sections = new MemberSections(run, this.#sink, events, () => performance.now());
  }

  async apply(desired: DesireAnswer): Promise<void> {
    this.#sections.apply(desired);
    // The replay begins with the first filter: before that nobody has asked for anything. One of no packets has no interface
    // that filters could be on, and is over.
    if (desired.members.length > 0 || this.recording.packets === 0)
      this.#replaying ??= this.#replay().catch((error) => this.#events.fatal(error));
    else if (fitNothing(desired)) this.#endUnused();
  }

  follow(event: OpenerEvent): void {
    if (event.kind === 'members') this.#sections.filterWith(event.members);
  }

  async spool(section: StoredSection): Promise<void> {
    this.#sink?.again(section);
  }

  throttle(step: BudgetStep): void {
    this.#sections.throttle(step);
  }

  collect(): void {
    this.#sections.collect();
  }

  async counters(): Promise<CaptureCounters> {
    return this.#sections.counters();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#replaying;
    this.#sections?.conclude(this.#newestNs);
    this.#sink?.close();
  }

  async #replay(): Promise<void> {
    do await this.#replayOnce();
    while (this.options.repeat && this.recording.packets > 0 && !this.#stopping.signal.aborted);
    if (!this.#stopping.signal.aborted) this.#end();
  }

  /** Said once, and at once: the packets stay for a filter that fits them. */
  #endUnused(): void {
    if (this.#replaying !== undefined || this.#isUnused) return;
    this.#isUnused = true;
    const { file, packets } = this.recording;
    this.#events.ended?.({ file, packets, matched: 0 });
  }

  #end(): void {
    this.#sections.conclude(this.#newestNs);
    const { taken, versions } = this.#sections.counters();
    const stored = Object.fromEntries(versions.map(({ version, stored: count }) => [`stored ${version}`, count]));
    const { file, packets } = this.recording;
    this.#events.ended?.({ file, packets, matched: taken, ...stored });
  }

  async #replayOnce(): Promise<void> {
    const startedMs = Date.now();
    // What is paced goes by a clock that nobody sets.
    const beganMs = performance.now();
    let index = 0;
    let firstNs: bigint | undefined;
    for await (const recorded of packetsOf(this.recording)) {
      firstNs ??= recorded.atNs;
      const dueMs = beganMs + this.#offsetMs(index, recorded.atNs - firstNs);
      // At full speed too the loop lets go now and then: sections leave and orders come in between.
      if (dueMs > performance.now() || index % 256 === 255) await this.#waitUntil(dueMs);
      if (this.#stopping.signal.aborted) return;
      const shiftNs = this.options.times === 'now' ? BigInt(startedMs) * NS_PER_MS - firstNs : 0n;
      this.#offer(recorded, recorded.atNs + shiftNs);
      index++;
    }
    await this.#waitUntil(performance.now() + this.#sections.flushWindowMs);
    this.#sections.close();
  }

  #offsetMs(index: number, sinceFirstNs: bigint): number {
    const { speed } = this.options;
    if (speed === 'full') return 0;
    return speed === 'recorded' ? Number(sinceFirstNs / NS_PER_MS) : (index * 1000) / speed;
  }

  /** Sleeps in steps of the flush window, so that sections close in time. */
  async #waitUntil(dueMs: number): Promise<void> {
    do {
      const leftMs = Math.max(0, Math.min(dueMs - performance.now(), this.#sections.flushWindowMs));
      await abortableDelay(leftMs, this.#stopping.signal);
      this.#sections.tick();
    } while (performance.now() < dueMs && !this.#stopping.signal.aborted);
  }

  #offer(recorded: CapturedPacket, atNs: bigint): void {
    const linkType = linkTypeName(recorded.linkType);
    if (!this.#sections.wants(FILE_INTERFACE, linkType)) return;
    if (atNs > this.#newestNs) this.#newestNs = atNs;
    this.#sections.offer(FILE_INTERFACE, linkType, readRecorded(recorded, atNs, linkType === 'EN10MB'));
  }
}

/** There are filters, and none has a program for such packets. What was refused may be put right, and is waited for. */
const fitNothing = ({ outcomes }: DesireAnswer): boolean =>
  outcomes.length > 0 && outcomes.every(({ state }) => state === 'not applicable');
