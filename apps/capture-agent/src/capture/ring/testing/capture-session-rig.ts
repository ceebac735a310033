import { WakeUp } from '@bpfleet/linux';
import { LinkType, linkTypeName } from '@bpfleet/packet';
import { forEachPacket, readSection, SectionWriter } from '@bpfleet/section';
import type { CaptureSocket } from '../../../border/opener-port.js';
import { memberOf } from '../../attribution/testing/member.js';
import { noProgress } from '../../sections/open-section.js';
import { SECTION_CAPACITY_BYTES, SectionAssembler } from '../../sections/section-assembler.js';
import type { CaptureNews } from '../capture-messages.js';
import { CaptureSession } from '../capture-session.js';
import { KeptTimes } from '../kept-times.js';
import { RingReader } from '../ring-reader.js';
import { FloodedRing } from './flooded-ring.js';

/** Later than a take-over that began at 0 is over. */
export const TAKEN_OVER_MS = 1000;

/** The first byte of what floods a ring. */
const FLOOD = 0xff;

export const device = (index: number) => ({ name: `eth${index}`, index, linkType: 'EN10MB', cooked: false });
export const all = memberOf('all', '');

/** A capture session without a kernel: the test says what rings have and what time it is. */
export class CaptureSessionRig {
  nowMs = 0;
  /** Of the kernel's counts: packets that found no room in a ring. */
  dropped = 0;
  /** The same: packets in the ring, of each socket. */
  readonly passed = new Map<number, number>();
  readonly news: CaptureNews[] = [];
  /** `eth1 7`: the interface and the first byte of each packet; `eth1 7 RAW` of another link type than Ethernet. */
  readonly stored: string[] = [];
  /** As a process after this one finds it. */
  readonly times = new ArrayBuffer(KeptTimes.sizeBytes);
  session!: CaptureSession;
  readonly #wakeUp = WakeUp.create();
  readonly #rings = new Map<number, FloodedRing>();
  #reader!: RingReader;
  #assembler!: SectionAssembler;

  constructor() {
    this.#begin();
  }

  close(): void {
    this.#wakeUp.close();
  }

  /** What was read is in sections; the process after it gets rings of what was not. */
  kill(): void {
    this.#assembler.close();
    this.#begin();
  }

  open(id: number, indexes: readonly number[], more: Partial<CaptureSocket> = {}): void {
    this.#rings.set(id, new FloodedRing(FLOOD, () => this.nowMs++));
    const socket: CaptureSocket = {
      ...{ id, isShared: indexes.length > 1, branches: [{ interfaces: indexes.map(device), members: [all] }] },
      ...{ ring: { blockBytes: 1 << 16, blockCount: 8, skipOutgoing: false }, isOwnSocket: false, wasRead: false },
      ...{ openedAtMs: 0, ...more },
    };
    this.session.carryOut({ kind: 'socket', socket, fd: 0, resume: undefined });
  }

  /** Packets that the ring has, each on an interface and with a number, captured at that moment. */
  comes(id: number, packets: readonly (readonly [index: number, number: number])[], atMs = this.nowMs): void {
    this.passed.set(id, (this.passed.get(id) ?? 0) + packets.length);
    const [seconds, nanoseconds] = [1000 + Math.floor(atMs / 1000), (atMs % 1000) * 1e6];
    this.#rings.get(id)!.push(
      packets.map(([interfaceIndex, number]) => ({
        ...{ bytes: new Uint8Array(60).fill(number), interfaceIndex, seconds, nanoseconds },
      })),
    );
  }

  /** From here on the ring fills as fast as it is read, a block in a millisecond. */
  floods(id: number): void {
    this.#rings.get(id)!.isFlooded = true;
  }

  read(): void {
    for (const lane of this.#reader.lanes.values()) this.#reader.drain(lane);
  }

  /** As the capture thread reads: a turn that does not wait. @returns whether all was read */
  turn(): boolean {
    return this.#reader.turn(0);
  }

  stop(): void {
    this.session.carryOut({ kind: 'stop', id: 1 });
  }

  #begin(): void {
    this.#rings.clear();
    this.news.length = 0;
    this.passed.clear();
    this.dropped = 0;
    const origin = { hardware: 'x86_64', operatingSystem: 'Linux', application: 'bpfleet' };
    const writer = new SectionWriter({ ...origin, capacityBytes: SECTION_CAPACITY_BYTES });
    const totals = () => ({ kernelPassed: 0, kernelDropped: 0, taken: 0 });
    this.#assembler = new SectionAssembler(writer, { write: ({ bytes }) => this.#keep(bytes) }, totals, noProgress);
    this.#reader = new RingReader(this.#assembler, this.#wakeUp, () => this.nowMs);
    const open = ({ id }: CaptureSocket) => ({
      ...{ fd: this.#wakeUp.fd, ring: this.#rings.get(id)!, takeError: () => undefined, close: () => {} },
      statistics: () => ({ passed: (this.passed.get(id) ?? 0) + this.dropped, dropped: this.dropped }),
    });
    this.session = new CaptureSession(
      this.#reader,
      this.#assembler,
      open,
      (one) => this.news.push(one),
      () => this.nowMs,
      new KeptTimes(this.times),
      () => 1_000_000 + this.nowMs,
    );
  }

  #keep(bytes: Uint8Array): void {
    const { interfaces } = readSection(bytes);
    forEachPacket(bytes, ({ interfaceId, start }) => {
      const { name, linkType } = interfaces[interfaceId]!;
      const form = linkType === LinkType.EN10MB ? [] : [linkTypeName(linkType)];
      this.stored.push([name, bytes[start], ...form].join(' '));
      return true;
    });
  }
}
