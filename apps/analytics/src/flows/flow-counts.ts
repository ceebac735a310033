import type { Dissection } from '@bpfleet/packet';
import type { PacketCursor } from '@bpfleet/section';
import { type FlowDirection, type FlowRow, WordTable } from '@bpfleet/store';

/**
 * Bits of a key's last word, above the protocol: there are ports; nothing but the row's fields decides a filter. Above
 * these the number of the minute.
 */
const HAS_PORTS = 0x100;
const IS_PLAIN = 0x200;
const MINUTE_SHIFT = 10;

type FlowScope = Pick<FlowRow, 'agent' | 'filters' | 'weights'>;

/**
 * Counts packets by minute and 5-tuple, of addresses of one length, both directions side by side. The key is the tuple's
 * own bytes: addresses, ports, protocol, the lower end first. Allocates only when it grows; times stay two words each, since a
 * bigint per packet would be garbage per packet.
 */
export class FlowCounts {
  readonly #table: WordTable;
  readonly #addressWords: number;
  /** Of each flow what its lower end sent, then what its upper end sent. */
  #packets: Uint32Array;
  #bytes: Float64Array;
  #tcpFlags: Uint8Array;
  /** First and last time of each, the high word first. */
  #times: Uint32Array;

  constructor(addressBytes: 4 | 16) {
    this.#addressWords = addressBytes / 4;
    this.#table = new WordTable(2 * this.#addressWords + 2);
    const directions = 2 * this.#table.capacity;
    this.#packets = new Uint32Array(directions);
    this.#bytes = new Float64Array(directions);
    this.#tcpFlags = new Uint8Array(directions);
    this.#times = new Uint32Array(4 * directions);
  }

  get size(): number {
    return this.#table.size;
  }

  /**
   * @param packet one with addresses of this length and a protocol
   * @param minute its number, below 2^22
   */
  add(bytes: Uint8Array, packet: PacketCursor, dissection: Dissection, minute: number, isPlain: boolean): void {
    const { atHigh, atLow, wireLength } = packet;
    const fromUpper = this.#putKey(bytes, dissection, (minute << MINUTE_SHIFT) | (isPlain ? IS_PLAIN : 0));
    const direction = 2 * this.#table.claim() + fromUpper;
    if (direction >= this.#packets.length) this.#grow();
    const times = this.#times;
    const at = 4 * direction;
    if (this.#packets[direction]!++ === 0) {
      times[at] = times[at + 2] = atHigh;
      times[at + 1] = times[at + 3] = atLow;
    } else if (atHigh < times[at]! || (atHigh === times[at] && atLow < times[at + 1]!)) {
      times[at] = atHigh;
      times[at + 1] = atLow;
    } else if (atHigh > times[at + 2]! || (atHigh === times[at + 2] && atLow > times[at + 3]!)) {
      times[at + 2] = atHigh;
      times[at + 3] = atLow;
    }
    this.#bytes[direction]! += wireLength;
    // -1 where there are none.
    if (dissection.tcpFlags > 0) this.#tcpFlags[direction]! |= dissection.tcpFlags;
  }

  /** Minute by minute, of so many minutes. */
  *rows(scope: FlowScope, minutes: number): Generator<FlowRow, void, void> {
    for (const flow of this.#byMinute(minutes)) yield this.#row(flow, scope);
  }

  /** The flows' numbers, sorted by counting. */
  #byMinute(minutes: number): Uint32Array {
    const { size } = this.#table;
    const ends = new Uint32Array(minutes + 1);
    for (let flow = 0; flow < size; flow++) ends[this.#minute(flow) + 1]!++;
    for (let minute = 0; minute < minutes; minute++) ends[minute + 1]! += ends[minute]!;
    const sorted = new Uint32Array(size);
    for (let flow = 0; flow < size; flow++) sorted[ends[this.#minute(flow)]!++] = flow;
    return sorted;
  }

  #minute(flow: number): number {
    return this.#table.word(flow, 2 * this.#addressWords + 1) >>> MINUTE_SHIFT;
  }

  /** @returns 1 where the packet comes from the upper end, else 0 */
  #putKey(bytes: Uint8Array, dissection: Dissection, bits: number): 0 | 1 {
    const { sourceOffset, destinationOffset, sourcePort, destinationPort, protocol } = dissection;
    const { key } = this.#table;
    const words = this.#addressWords;
    const hasPorts = destinationPort >= 0;
    const order = compare(bytes, sourceOffset, destinationOffset, words) || sourcePort - destinationPort;
    const fromUpper = order > 0 ? 1 : 0;
    const lower = fromUpper ? destinationOffset : sourceOffset;
    const upper = fromUpper ? sourceOffset : destinationOffset;
    for (let word = 0; word < words; word++) {
      key[word] = u32(bytes, lower + 4 * word);
      key[words + word] = u32(bytes, upper + 4 * word);
    }
    const ports = fromUpper ? (destinationPort << 16) | sourcePort : (sourcePort << 16) | destinationPort;
    key[2 * words] = hasPorts ? ports : 0;
    key[2 * words + 1] = protocol | (hasPorts ? HAS_PORTS : 0) | bits;
    return fromUpper;
  }

  /** From its lower end, unless only the upper one sent. Without spreads, which cost more than all the rest. */
  #row(flow: number, { agent, filters, weights }: FlowScope): FlowRow {
    const words = this.#addressWords;
    const ports = this.#table.word(flow, 2 * words);
    const kind = this.#table.word(flow, 2 * words + 1);
    const hasPorts = (kind & HAS_PORTS) !== 0;
    const isTurned = this.#packets[2 * flow] === 0;
    const there = 2 * flow + (isTurned ? 1 : 0);
    const lowerPort = hasPorts ? ports >>> 16 : -1;
    const upperPort = hasPorts ? ports & 0xffff : -1;
    return {
      agent,
      filters,
      weights,
      source: this.#address(flow, isTurned ? words : 0),
      destination: this.#address(flow, isTurned ? 0 : words),
      sourcePort: isTurned ? upperPort : lowerPort,
      destinationPort: isTurned ? lowerPort : upperPort,
      protocol: kind & 0xff,
      firstNs: this.#timeNs(4 * there),
      lastNs: this.#timeNs(4 * there + 2),
      packets: this.#packets[there]!,
      bytes: this.#bytes[there]!,
      tcpFlags: this.#tcpFlags[there]!,
      isPlain: (kind & IS_PLAIN) !== 0,
      back: isTurned || this.#packets[there + 1] === 0 ? undefined : this.#direction(there + 1),
    };
  }

  #direction(direction: number): FlowDirection {
    return {
      firstNs: this.#timeNs(4 * direction),
      lastNs: this.#timeNs(4 * direction + 2),
      packets: this.#packets[direction]!,
      bytes: this.#bytes[direction]!,
      tcpFlags: this.#tcpFlags[direction]!,
    };
  }

  #address(flow: number, from: number): Uint8Array {
    const address = new Uint8Array(4 * this.#addressWords);
    const view = new DataView(address.buffer);
    for (let word = 0; word < this.#addressWords; word++) view.setUint32(4 * word, this.#table.word(flow, from + word));
    return address;
  }

  #timeNs(at: number): bigint {
    return (BigInt(this.#times[at]!) << 32n) | BigInt(this.#times[at + 1]!);
  }

  #grow(): void {
    const directions = 2 * this.#table.capacity;
    const [packets, bytes, tcpFlags, times] = [this.#packets, this.#bytes, this.#tcpFlags, this.#times];
    this.#packets = new Uint32Array(directions);
    this.#packets.set(packets);
    this.#bytes = new Float64Array(directions);
    this.#bytes.set(bytes);
    this.#tcpFlags = new Uint8Array(directions);
    this.#tcpFlags.set(tcpFlags);
    this.#times = new Uint32Array(4 * directions);
    this.#times.set(times);
  }
}

/** Above 0 where the address at `a` is the upper one. */
function compare(bytes: Uint8Array, a: number, b: number, words: number): number {
  for (let word = 0; word < words; word++) {
    const order = u32(bytes, a + 4 * word) - u32(bytes, b + 4 * word);
    if (order !== 0) return order;
  }
  return 0;
}

const u32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
