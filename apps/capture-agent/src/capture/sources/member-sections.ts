import type { ExcludedEndpoint } from '@bpfleet/pcap-filter';
import { SectionWriter } from '@bpfleet/section';
import type { DesireAnswer, InterfaceMembers, SocketInterface } from '../../border/opener-port.js';
import { Attribution } from '../attribution/attribution.js';
import type { BudgetStep } from '../attribution/budget.js';
import { MemberLedger } from '../attribution/member-ledger.js';
import type { ReadPacket } from '../attribution/read-packet.js';
import { ownTrafficTest } from '../own-traffic.js';
import { type CaptureCounters, noneEnded } from '../ring/capture-messages.js';
import { noProgress } from '../sections/open-section.js';
import { SECTION_CAPACITY_BYTES, SectionAssembler } from '../sections/section-assembler.js';
import { type LaneStatistics, SectionLane } from '../sections/section-lane.js';
import type { SectionSink } from '../sections/section-sink.js';
import type { CaptureRun, SourceEvents } from './packet-source.js';

/** One interface of a source without sockets. */
class MemberLane extends SectionLane {
  override readonly knowsDirection = false;

  constructor(
    readonly id: number,
    device: SocketInterface,
    public attribution: Attribution,
    public isOwn: (packet: ReadPacket) => boolean,
  ) {
    super(device, { socket: id, blockSequence: 0, packets: 0 });
  }

  /** What was lost before user space saw it, nobody tells. */
  statistics(): LaneStatistics {
    return { passed: this.taken, dropped: 0 };
  }
}

/** Sections of packets that user space alone filters: what sources without sockets have in common. */
export class MemberSections {
  readonly #lanes = new Map<string, MemberLane>();
  readonly #ledger = new MemberLedger();
  /** Interfaces that have no filters any more. */
  readonly #ended = noneEnded();
  readonly #assembler: SectionAssembler;
  #lastId = 0;
  #excluded: readonly ExcludedEndpoint[] = [];

  constructor(
    run: CaptureRun,
    sink: SectionSink,
    private readonly events: SourceEvents,
    private readonly nowMs: () => number,
  ) {
    const { hardware, operatingSystem, application } = run;
    const writer = new SectionWriter({ hardware, operatingSystem, application, capacityBytes: SECTION_CAPACITY_BYTES });
    const totals = () => ({
      kernelPassed: this.#assembler.taken,
      kernelDropped: 0,
      taken: this.#assembler.taken,
      ...this.#ledger.leftOut(),
    });
    this.#assembler = new SectionAssembler(writer, sink, totals, noProgress);
  }

  get flushWindowMs(): number {
    return this.#assembler.flushWindowMs;
  }

  /**
   * Filters with these members from here on.
   * @param excluded bpfleet's own connections, where packets may be of them
   */
  apply({ members, settings }: DesireAnswer, excluded: readonly ExcludedEndpoint[] = []): void {
    this.#assembler.flushWindowMs = settings.flushWindowMs;
    this.#excluded = excluded;
    this.filterWith(members);
  }

  /** Interfaces came or went, or filters ended; all else stays. */
  filterWith(members: readonly InterfaceMembers[]): void {
    const wanted = new Map(members.map((one) => [keyOf(one.interface), one]));
    for (const [key, lane] of this.#lanes) if (!wanted.has(key)) this.#end(key, lane);
    for (const [key, { interface: device, members: list }] of wanted) {
      const attribution = new Attribution(list, this.#ledger.accountsOn(device.name));
      const isOwn = ownTrafficTest(device.linkType, this.#excluded);
      const known = this.#lanes.get(key);
      if (known) Object.assign(known, { attribution, isOwn });
      else this.#lanes.set(key, new MemberLane(++this.#lastId, device, attribution, isOwn));
    }
    const running = [...this.#lanes.values()].flatMap(({ attribution }) => attribution.members);
    this.#ledger.runs(running);
  }

  /** Whether any filter looks at packets of this kind. */
  wants(device: string, linkType: string): boolean {
    return this.#lanes.has(keyOf({ name: device, linkType }));
  }

  /** Takes the packets that a linked program in the kernel would let pass. */
  offer(device: string, linkType: string, packet: ReadPacket): void {
    const lane = this.#lanes.get(keyOf({ name: device, linkType }));
    if (lane === undefined || lane.isOwn(packet)) return;
    const set = lane.attribution.attribute(packet);
    if (lane.attribution.matches === 0) return;
    this.#assembler.take(lane, packet, set, lane.attribution.isUndecided, this.nowMs());
  }

  /** Closes the open section when its flush window is over, and begins the next second of budgets. */
  tick(): void {
    this.#assembler.closeIfDue(this.nowMs());
    for (const { filter, step } of this.#ledger.turn(this.nowMs())) this.events.stepped(filter, step);
  }

  throttle(step: BudgetStep): void {
    this.#ledger.throttle(step);
  }

  collect(): void {
    this.#ledger.forgetSets();
  }

  close(): void {
    this.#assembler.close();
  }

  /** No packet follows. @param atNs Unix time of the last ones */
  conclude(atNs: bigint): void {
    this.#assembler.conclude(atNs);
  }

  counters(): CaptureCounters {
    const sockets = [...this.#lanes.values()].map((lane) => ({
      socket: lane.id,
      interfaces: [lane.device.name],
      ...lane.statistics(),
      taken: lane.taken,
    }));
    return { taken: this.#assembler.taken, sockets, ended: { ...this.#ended }, versions: this.#ledger.versions() };
  }

  #end(key: string, lane: MemberLane): void {
    this.#lanes.delete(key);
    this.#ended.sockets++;
    this.#ended.passed += lane.taken;
    this.#ended.taken += lane.taken;
  }
}

const keyOf = ({ name, linkType }: Pick<SocketInterface, 'name' | 'linkType'>): string => `${name} ${linkType}`;
