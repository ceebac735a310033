import type { SocketInterface } from '../../border/opener-port.js';
import { ALWAYS, Attribution, type PacketTimes } from '../attribution/attribution.js';
import { MemberLedger } from '../attribution/member-ledger.js';
import type { LaneStatistics, ReadingPlace } from '../sections/section-lane.js';
import { InterfaceLane } from './interface-lane.js';

/** Seen where no filter of the socket runs, or not any more. */
const NOWHERE: SocketInterface = { name: 'none', index: 0, linkType: 'EN10MB', cooked: false };

/** The interfaces that have packets in one ring. */
export class InterfaceLanes {
  readonly #byIndex = new Map<number, InterfaceLane>();
  /** Takes the packets of all others, and keeps none. */
  readonly #nowhere: InterfaceLane;
  #last: InterfaceLane;
  /** Of interfaces that have left. */
  #before = { taken: 0, left: 0 };
  #times = ALWAYS;
  /** Indexes of those that another socket had before: what came before the first time is of that one. */
  #had: ReadonlySet<number> = new Set();

  /** @param isShared each packet tells where it was seen; otherwise there is one interface, whatever a packet tells */
  constructor(
    readonly isShared: boolean,
    private readonly place: ReadingPlace,
    private readonly statistics: () => LaneStatistics,
  ) {
    this.#nowhere = this.#lane(NOWHERE, new Attribution([], new MemberLedger().accountsOn(NOWHERE.name)));
    this.#last = this.#nowhere;
  }

  get all(): readonly InterfaceLane[] {
    return [...this.#byIndex.values()];
  }
  /** Packets read, of interfaces that have left included. */
  get taken(): number {
    return this.#sum('taken');
  }
  /** Packets read that are taken from another ring. */
  get left(): number {
    return this.#sum('left');
  }

  /** The one interface of a socket that is bound to it. */
  get only(): InterfaceLane {
    return this.#last;
  }

  /** Most packets are seen where the one before was. */
  of(index: number): InterfaceLane {
    if (index !== this.#last.device.index) this.#last = this.#byIndex.get(index) ?? this.#nowhere;
    return this.#last;
  }

  /** Whether an interface has packets here, under whatever name. Another link type makes it another one. */
  has({ index, linkType }: SocketInterface): boolean {
    return this.#byIndex.get(index)?.device.linkType === linkType;
  }

  /** By its index, and the name it has now: an index may come again, and a section's interface block says the other two. */
  find(device: SocketInterface): InterfaceLane | undefined {
    const found = this.#byIndex.get(device.index);
    return found?.device.name === device.name && this.has(device) ? found : undefined;
  }

  /** From the next packet on: another attribution, or another interface. */
  put(device: SocketInterface, attribution: Attribution): void {
    attribution.times = this.#timesOf(device);
    const known = this.find(device);
    if (known) {
      known.attribution = attribution;
      return;
    }
    const before = this.#byIndex.get(device.index);
    if (before) this.remove(before);
    const lane = this.#lane(device, attribution);
    this.#byIndex.set(device.index, lane);
    this.#last = lane;
  }

  remove(lane: InterfaceLane): void {
    this.#byIndex.delete(lane.device.index);
    this.#before.taken += lane.taken;
    this.#before.left += lane.left;
    this.#last = this.#nowhere;
  }

  /** What is taken over, or taken over from. */
  get times(): PacketTimes {
    return this.#times;
  }

  /** Packets of these interfaces are of another socket before, and of this one from then on. */
  takeOver(fromMs: number, devices: readonly SocketInterface[]): void {
    this.#had = new Set(devices.map(({ index }) => index));
    this.#set({ ...this.#times, fromMs });
  }

  /** What is still to come is of this socket, whatever the host's clock does from here on. */
  hasTakenOver(): void {
    this.#set({ ...this.#times, fromMs: ALWAYS.fromMs });
  }

  /** From then on packets are of another socket. */
  end(untilMs: number): void {
    this.#set({ ...this.#times, untilMs });
  }

  #sum(what: 'taken' | 'left'): number {
    let sum = this.#before[what] + this.#nowhere[what];
    for (const lane of this.#byIndex.values()) sum += lane[what];
    return sum;
  }

  #set(times: PacketTimes): void {
    this.#times = times;
    for (const { device, attribution } of this.#byIndex.values()) attribution.times = this.#timesOf(device);
  }

  /** undefined: always. */
  #timesOf({ index }: SocketInterface): PacketTimes | undefined {
    const { fromMs, untilMs } = this.#times;
    const times = { fromMs: this.#had.has(index) ? fromMs : ALWAYS.fromMs, untilMs };
    return times.fromMs === ALWAYS.fromMs && untilMs === ALWAYS.untilMs ? undefined : times;
  }

  #lane(device: SocketInterface, attribution: Attribution): InterfaceLane {
    const counted = () => (this.isShared ? undefined : this.statistics());
    return new InterfaceLane(device, this.place, attribution, counted);
  }
}
