import { linkTypeName } from '@bpfleet/packet';
import type { CapturedPacket } from '@bpfleet/section';
import { abortableDelay } from '../../abortable-delay.js';
import type { DesireAnswer, OpenerEvent, SocketInterface } from '../../border/opener-port.js';
import type { BudgetStep } from '../attribution/budget.js';
import { localSink } from '../local-sink.js';
import { type Recording, readRecording } from '../read-recording.js';
import type { CaptureCounters } from '../ring/capture-messages.js';
import { MemberSections } from './member-sections.js';
import type { CaptureRun, PacketSource, SourceEvents } from './packet-source.js';
import { readRecorded } from './recorded-packet.js';

export interface FileSourceOptions {
  readonly file: string;
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
  #recording: Recording = { packets: [], cut: undefined };
  /** Unix time of the newest packet so far. */
  #newestNs = 0n;
  #sections!: MemberSections;
  #events!: SourceEvents;
  #replaying: Promise<void> | undefined;
  readonly #stopping = new AbortController();

  #sink: ReturnType<typeof localSink> | undefined;

  constructor(private readonly options: FileSourceOptions) {}

  get troubles(): readonly string[] {
    const { cut } = this.#recording;
    return cut === undefined ? [] : [cut];
  }

  /** One interface for each link type in the file. @throws BpfleetError `FILE_UNREADABLE`, `CAPTURE_FILE_CORRUPT` */
  async interfaces(): Promise<SocketInterface[]> {
    await this.#load();
    const linkTypes = new Set(
      this.#recording.packets.map(({ linkType }) => linkTypeName(linkType) ?? String(linkType)),
    );
    return [...linkTypes].map((linkType) => ({ name: FILE_INTERFACE, index: 0, linkType, cooked: false }));
  }

  /** Reads the whole file first: a broken one is refused before anything is stored of it. */
  async start(run: CaptureRun, events: SourceEvents): Promise<void> {
    await this.#load();
    this.#events = events;
    this.#sink = localSink(run, events);
    this.#sections = new MemberSections(run, this.#sink, events, () => performance.now());
  }

  async apply(desired: DesireAnswer): Promise<void> {
    this.#sections.apply(desired);
    // The replay begins with the first filter: before that nobody has asked for anything.
    if (desired.members.length > 0) this.#replaying ??= this.#replay().catch((error) => this.#events.fatal(error));
  }

  follow(event: OpenerEvent): void {
    if (event.kind === 'members') this.#sections.filterWith(event.members);
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

  async #load(): Promise<void> {
    if (this.#recording.packets.length === 0) this.#recording = await readRecording(this.options.file);
  }

  async #replay(): Promise<void> {
    do await this.#replayOnce();
    while (this.options.repeat && this.#recording.packets.length > 0 && !this.#stopping.signal.aborted);
    if (!this.#stopping.signal.aborted) this.#end();
  }

  #end(): void {
    this.#sections.conclude(this.#newestNs);
    const { taken, versions } = this.#sections.counters();
    const stored = Object.fromEntries(versions.map(({ version, stored: count }) => [`stored ${version}`, count]));
    const { packets } = this.#recording;
    this.#events.ended?.({ file: this.options.file, packets: packets.length, matched: taken, ...stored });
  }

  async #replayOnce(): Promise<void> {
    const startedMs = Date.now();
    const first = this.#recording.packets[0]?.atNs ?? 0n;
    const shiftNs = this.options.times === 'now' ? BigInt(startedMs) * NS_PER_MS - first : 0n;
    for (const [index, recorded] of this.#recording.packets.entries()) {
      const dueMs = startedMs + this.#offsetMs(index, recorded.atNs - first);
      // At full speed too the loop lets go now and then: sections leave and orders come in between.
      if (dueMs > Date.now() || index % 256 === 255) await this.#waitUntil(dueMs);
      if (this.#stopping.signal.aborted) return;
      this.#offer(recorded, recorded.atNs + shiftNs);
    }
    await this.#waitUntil(Date.now() + this.#sections.flushWindowMs);
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
      const leftMs = Math.max(0, Math.min(dueMs - Date.now(), this.#sections.flushWindowMs));
      await abortableDelay(leftMs, this.#stopping.signal);
      this.#sections.tick();
    } while (Date.now() < dueMs && !this.#stopping.signal.aborted);
  }

  #offer(recorded: CapturedPacket, atNs: bigint): void {
    const linkType = linkTypeName(recorded.linkType) ?? String(recorded.linkType);
    if (!this.#sections.wants(FILE_INTERFACE, linkType)) return;
    if (atNs > this.#newestNs) this.#newestNs = atNs;
    this.#sections.offer(FILE_INTERFACE, linkType, readRecorded(recorded, atNs, linkType === 'EN10MB'));
  }
}
