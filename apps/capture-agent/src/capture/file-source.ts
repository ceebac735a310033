import { decodeProgram, interpret, type Program } from '@bpfleet/bpf';
import { linkTypeName } from '@bpfleet/packet';
import { type CapturedPacket as RecordedPacket, readCapture, SectionWriter } from '@bpfleet/section';
import { abortableDelay } from '../abortable-delay.js';
import { readCaptureFile } from './check-capture-file.js';
import { withoutOuterTag } from './outer-tag.js';
import type { CaptureTarget, PacketSource, SourceEvents, TargetState } from './packet-source.js';
import { type CapturedPacket, Lane, SECTION_CAPACITY_BYTES, SectionAssembler } from './section-assembler.js';

export interface FileSourceOptions {
  readonly file: string;
  readonly hardware: string;
  readonly operatingSystem: string;
  readonly application: string;
  /** `recorded`: with the gaps of the recording; `full`: as fast as it goes. */
  readonly speed: 'recorded' | 'full';
  /** `now`: shifted, so that the first packet is captured now; `recorded`: as they are. */
  readonly times: 'recorded' | 'now';
  /** Begin again at the end, until stopped. */
  readonly repeat: boolean;
}

/** The name the packets' interface gets where the recording names none. */
export const FILE_INTERFACE = 'file';
const NS_PER_SECOND = 1_000_000_000n;

/**
 * Replays a capture file as if its packets came in now. The filter runs in user space, on the same view as the kernel
 * has: the outer VLAN tag is metadata.
 */
export class FileSource implements PacketSource {
  readonly kind = 'file';
  readonly abilities = { kernelProgram: false, nanosecondTime: true, kernelCounters: false, vlanMetadata: true };
  #recorded: RecordedPacket[] = [];
  #lanes: FileLane[] = [];
  #replaying: Promise<void> | undefined;
  #assembler: SectionAssembler | undefined;
  #events: SourceEvents | undefined;
  readonly #stopping = new AbortController();

  constructor(private readonly options: FileSourceOptions) {}

  /** Reads the whole file first: a broken one is refused before anything is stored of it. */
  async start(events: SourceEvents): Promise<void> {
    this.#recorded = [...readCapture(await readCaptureFile(this.options.file))];
    const { hardware, operatingSystem, application } = this.options;
    const writer = new SectionWriter({ hardware, operatingSystem, application, capacityBytes: SECTION_CAPACITY_BYTES });
    this.#assembler = new SectionAssembler(writer, (section) => events.section(section));
    this.#events = events;
  }

  async apply(targets: readonly CaptureTarget[], flushWindowMs: number): Promise<TargetState[]> {
    const previous = new Map(this.#lanes.map((lane) => [lane.target.key, lane]));
    this.#assembler?.close();
    this.#lanes = targets.map((target) => {
      const lane = new FileLane(target);
      lane.captured = previous.get(target.key)?.captured ?? 0;
      return lane;
    });
    if (this.#assembler) this.#assembler.flushWindowMs = flushWindowMs;
    // The replay begins with the first filter: before that nobody has asked for anything.
    if (targets.length > 0) this.#replaying ??= this.#replay().catch((error) => this.#events?.fatal(error));
    return this.report();
  }

  async report(): Promise<TargetState[]> {
    return this.#lanes.map(({ target, captured }) => ({
      key: target.key,
      state: 'reported',
      counters: { matched: captured, droppedByKernel: 0, captured },
    }));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#replaying;
    this.#assembler?.close();
  }

  async #replay(): Promise<void> {
    do await this.#replayOnce();
    while (this.options.repeat && this.#recorded.length > 0 && !this.#stopping.signal.aborted);
  }

  async #replayOnce(): Promise<void> {
    const assembler = this.#assembler!;
    const startedMs = Date.now();
    const first = this.#recorded[0]?.atNs ?? 0n;
    const shiftNs = this.options.times === 'now' ? BigInt(startedMs) * 1_000_000n - first : 0n;
    for (const [index, recorded] of this.#recorded.entries()) {
      const dueMs = this.options.speed === 'recorded' ? startedMs + Number((recorded.atNs - first) / 1_000_000n) : 0;
      // At full speed too the loop lets go now and then: sections leave and orders come in between.
      if (dueMs > Date.now() || index % 256 === 255) await this.#waitUntil(dueMs, assembler);
      if (this.#stopping.signal.aborted) return;
      this.#offer(recorded, recorded.atNs + shiftNs, assembler);
    }
    await this.#waitUntil(Date.now() + assembler.flushWindowMs, assembler);
    assembler.close();
  }

  /** Sleeps in steps of the flush window, so that sections close in time. */
  async #waitUntil(dueMs: number, assembler: SectionAssembler): Promise<void> {
    do {
      const leftMs = Math.max(0, Math.min(dueMs - Date.now(), assembler.flushWindowMs));
      await abortableDelay(leftMs, this.#stopping.signal);
      assembler.closeIfDue(performance.now());
    } while (Date.now() < dueMs && !this.#stopping.signal.aborted);
  }

  #offer(recorded: RecordedPacket, atNs: bigint, assembler: SectionAssembler): void {
    const packet = withoutOuterTag(recorded);
    for (const lane of this.#lanes) {
      if (lane.target.interface.linkType !== linkTypeName(recorded.linkType)) continue;
      const verdict = interpret(lane.program, packet.view);
      if (verdict <= 0) continue;
      const captured: CapturedPacket = {
        seconds: Number(atNs / NS_PER_SECOND),
        nanoseconds: Number(atNs % NS_PER_SECOND),
        bytes: packet.view.bytes,
        start: packet.view.start,
        capturedLength: Math.min(packet.view.capturedLength, verdict),
        wireLength: packet.view.wireLength,
        vlan: packet.vlan,
      };
      assembler.append(lane, captured, performance.now());
    }
  }
}

class FileLane extends Lane {
  readonly program: Program;

  constructor(target: CaptureTarget) {
    super(target);
    this.program = decodeProgram(target.program);
  }
}
