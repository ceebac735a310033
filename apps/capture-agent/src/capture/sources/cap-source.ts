import type { ExcludedEndpoint } from '@bpfleet/pcap-filter';
import type { DesireAnswer, InterfaceMembers, OpenerEvent, SocketInterface } from '../../border/opener-port.js';
import type { StoredSection } from '../../spool/section-store.js';
import type { BudgetStep } from '../attribution/budget.js';
import { CapReader } from '../cap/cap-reader.js';
import { type LocalSink, localSink } from '../local-sink.js';
import type { CaptureCounters } from '../ring/capture-messages.js';
import { MemberSections } from './member-sections.js';
import type { CaptureRun, PacketSource, SourceEvents } from './packet-source.js';
import { readRecorded } from './recorded-packet.js';

/** Names that `cap` has for link types. Packets of others would be read wrongly. */
const LINK_TYPES: ReadonlyMap<string, string> = new Map([
  ['ETHERNET', 'EN10MB'],
  ['RAW', 'RAW'],
]);

/** Whether packets of such interfaces can be had by way of `cap`. */
export const isCapLinkType = (linkType: string | undefined): boolean =>
  [...LINK_TYPES.values()].some((one) => one === linkType);

/** Below this libpcap's ring holds a handful of packets. */
const BUFFER_MIN_BYTES = 2 * 1024 * 1024;
/** How often sections and budgets are looked at while nothing comes. */
const TICK_MS = 50;
/** How long after a failure an interface is tried again: it may have been down for a moment, or never be readable. */
const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 60_000;

interface Device {
  readonly interface: SocketInterface;
  readonly bufferBytes: number;
  /** Its packets are what the filters expect. */
  isOpen: boolean;
}

/**
 * libpcap by way of the package `cap`, for hosts where packet rings may not be mapped or AF_PACKET is not ours to open otherwise.
 * Every packet comes to user space, which filters; its time is that of its arrival in the reading process; what the kernel
 * drops is not told.
 */
export class CapSource implements PacketSource {
  readonly kind = 'cap';
  readonly abilities = {
    kernelProgram: false,
    nanosecondTime: false,
    direction: false,
    kernelCounters: false,
    // libpcap puts tags back into the bytes; taken out again they are where the kernel has them.
    vlanMetadata: true,
  };
  readonly mappedBytes = 0;
  readonly #devices = new Map<number, Device>();
  #members: readonly InterfaceMembers[] = [];
  /** Interfaces that could not be read when they were tried last, with the reason. */
  readonly #failed = new Map<string, string>();
  #retry: { readonly atMs: number; readonly afterMs: number } | undefined;
  /** How often the reading process ended by itself, and how it did so last. */
  #ends = 0;
  #lastEnd = '';
  #lastDevice = 0;
  #reader!: CapReader;
  #sections!: MemberSections;
  #sink: LocalSink | undefined;
  #tick: NodeJS.Timeout | undefined;

  /** @param bufferBytes for libpcap's rings, shared by all interfaces; in the reading process */
  constructor(private readonly bufferBytes: number) {}

  get troubles(): readonly string[] {
    const failed = [...this.#failed].map(([name, reason]) => `cap cannot read ${name}: ${reason}`);
    return this.#ends === 0
      ? failed
      : [...failed, `cap ended ${this.#ends} times, what came until it ran again is lost; last: ${this.#lastEnd}`];
  }

  /** Interfaces whose packets come, and not only will. */
  get reads(): readonly string[] {
    return [...this.#devices.values()].filter(({ isOpen }) => isOpen).map((device) => device.interface.name);
  }

  /** For tests: undefined between two. */
  get readerPid(): number | undefined {
    return this.#reader.pid;
  }

  async start(run: CaptureRun, events: SourceEvents): Promise<void> {
    this.#sink = localSink(run, events);
    this.#sections = new MemberSections(run, this.#sink, events, () => performance.now());
    this.#reader = new CapReader({
      opened: (device, linkType) => this.#opened(device, linkType),
      failed: (device, reason) => this.#close(device, reason),
      packet: (device, atUs, bytes) => this.#offer(device, atUs, bytes),
      ended: (how) => this.#ended(how),
    });
    this.#reader.start(events.fatal);
    this.#tick = setInterval(() => {
      this.#sections.tick();
      if (this.#retry !== undefined && performance.now() >= this.#retry.atMs) this.#read();
    }, TICK_MS);
  }

  async apply(desired: DesireAnswer, excluded: readonly ExcludedEndpoint[]): Promise<void> {
    this.#sections.apply(desired, excluded);
    this.#want(desired.members);
  }

  follow(event: OpenerEvent): void {
    if (event.kind !== 'members') return;
    this.#sections.filterWith(event.members);
    this.#want(event.members);
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
    clearInterval(this.#tick);
    await this.#reader?.stop();
    this.#sections?.conclude(BigInt(Date.now()) * 1_000_000n);
    this.#sink?.close();
  }

  #want(members: readonly InterfaceMembers[]): void {
    this.#members = members;
    this.#failed.clear();
    this.#retry = undefined;
    this.#read();
  }

  /** Reads the wanted interfaces and no others. */
  #read(): void {
    const wanted = new Map(this.#members.map((one) => [keyOf(one.interface), one.interface]));
    const bufferBytes = Math.max(BUFFER_MIN_BYTES, Math.floor(this.bufferBytes / Math.max(1, wanted.size)));
    for (const [number, device] of this.#devices) {
      // With less for each than it has, it has to give some of it back.
      if (wanted.has(keyOf(device.interface)) && device.bufferBytes <= bufferBytes)
        wanted.delete(keyOf(device.interface));
      else this.#close(number);
    }
    for (const device of wanted.values()) {
      const number = ++this.#lastDevice;
      this.#devices.set(number, { interface: device, bufferBytes, isOpen: false });
      this.#reader.open(number, device.name, bufferBytes);
    }
  }

  #opened(number: number, linkType: string): void {
    const device = this.#devices.get(number);
    if (device === undefined) return;
    if (LINK_TYPES.get(linkType) === device.interface.linkType) {
      device.isOpen = true;
      this.#failed.delete(device.interface.name);
      if (this.#failed.size === 0) this.#retry = undefined;
    } else
      this.#close(number, `libpcap calls its packets ${linkType}, and filters expect ${device.interface.linkType}`);
  }

  #close(number: number, reason?: string): void {
    const device = this.#devices.get(number);
    if (device === undefined) return;
    if (reason !== undefined) this.#hasFailed(device.interface, reason);
    this.#devices.delete(number);
    this.#reader.close(number);
  }

  #hasFailed({ name }: SocketInterface, reason: string): void {
    this.#failed.set(name, reason);
    const nowMs = performance.now();
    if (this.#retry !== undefined && this.#retry.atMs > nowMs) return;
    const afterMs = Math.min(RETRY_MAX_MS, this.#retry ? 2 * this.#retry.afterMs : RETRY_FIRST_MS);
    this.#retry = { atMs: nowMs + afterMs, afterMs };
  }

  /** The reader opens all of them again. */
  #ended(how: string): void {
    this.#ends++;
    this.#lastEnd = how;
    for (const device of this.#devices.values()) device.isOpen = false;
  }

  #offer(number: number, atUs: number, bytes: Uint8Array): void {
    const device = this.#devices.get(number);
    if (!device?.isOpen) return;
    const { name, linkType } = device.interface;
    const packet = readRecorded({ bytes, wireLength: bytes.length }, BigInt(atUs) * 1000n, linkType === 'EN10MB');
    this.#sections.offer(name, linkType, packet);
  }
}

// One that went and came back is another interface.
const keyOf = ({ name, index, linkType }: SocketInterface): string => `${index} ${name} ${linkType}`;
