import type { Dissection } from '@bpfleet/packet';
import type { PacketCursor } from '@bpfleet/section';
import { type FlowRow, WordTable } from '@bpfleet/store';

/** Bits of a key's last word, above the protocol: there are ports; nothing but the row's fields decides a filter. */
const HAS_PORTS = 0x100;
const IS_PLAIN = 0x200;

/**
 * Counts packets by 5-tuple, of addresses of one length. The key is the tuple's own bytes: addresses, ports, protocol.
 * Allocates only when it grows; times stay two words each, since a bigint per packet would be garbage per packet.
 */
export class FlowCounts {
  readonly #table: WordTable;
  readonly #addressWords: number;
  #packets: Uint32Array;
  #bytes: Float64Array;
  #tcpFlags: Uint8Array;
  /** Of each flow: first and last time, the high word first. */
  #times: Uint32Array;

  constructor(addressBytes: 4 | 16) {
    this.#addressWords = addressBytes / 4;
    this.#table = new WordTable(2 * this.#addressWords + 2);
    const { capacity } = this.#table;
    this.#packets = new Uint32Array(capacity);
    this.#bytes = new Float64Array(capacity);
    this.#tcpFlags = new Uint8Array(capacity);
    this.#times = new Uint32Array(4 * capacity);
  }

  get size(): number {
    return this.#table.size;
  }

  /** @param packet one with addresses of this length and a protocol */
  add(bytes: Uint8Array, packet: PacketCursor, dissection: Dissection, isPlain: boolean): void {
    const { atHigh, atLow, wireLength } = packet;
    this.#putKey(bytes, dissection, isPlain);
    const flow = this.#table.claim();
    if (flow >= this.#packets.length) this.#grow();
    const times = this.#times;
    const at = 4 * flow;
    if (this.#packets[flow]!++ === 0) {
      times[at] = times[at + 2] = atHigh;
      times[at + 1] = times[at + 3] = atLow;
    } else if (atHigh < times[at]! || (atHigh === times[at] && atLow < times[at + 1]!)) {
      times[at] = atHigh;
      times[at + 1] = atLow;
    } else if (atHigh > times[at + 2]! || (atHigh === times[at + 2] && atLow > times[at + 3]!)) {
      times[at + 2] = atHigh;
      times[at + 3] = atLow;
    }
    this.#bytes[flow]! += wireLength;
    // -1 where there are none.
    if (dissection.tcpFlags > 0) this.#tcpFlags[flow]! |= dissection.tcpFlags;
  }

  *rows(scope: Pick<FlowRow, 'agent' | 'filters' | 'weights'>): Generator<FlowRow, void, void> {
    for (let flow = 0; flow < this.#table.size; flow++) yield this.#row(flow, scope);
  }

  #putKey(bytes: Uint8Array, dissection: Dissection, isPlain: boolean): void {
    const { sourceOffset, destinationOffset, sourcePort, destinationPort, protocol } = dissection;
    const { key } = this.#table;
    const words = this.#addressWords;
    for (let word = 0; word < words; word++) {
      key[word] = u32(bytes, sourceOffset + 4 * word);
      key[words + word] = u32(bytes, destinationOffset + 4 * word);
    }
    const hasPorts = destinationPort >= 0;
    key[2 * words] = hasPorts ? (sourcePort << 16) | destinationPort : 0;
    key[2 * words + 1] = protocol | (hasPorts ? HAS_PORTS : 0) | (isPlain ? IS_PLAIN : 0);
  }

  #row(flow: number, { agent, filters, weights }: Pick<FlowRow, 'agent' | 'filters' | 'weights'>): FlowRow {
    const words = this.#addressWords;
    const ports = this.#table.word(flow, 2 * words);
    const kind = this.#table.word(flow, 2 * words + 1);
    const hasPorts = (kind & HAS_PORTS) !== 0;
    return {
      agent,
      filters,
      weights,
      source: this.#address(flow, 0),
      destination: this.#address(flow, words),
      sourcePort: hasPorts ? ports >>> 16 : -1,
      destinationPort: hasPorts ? ports & 0xffff : -1,
      protocol: kind & 0xff,
      firstNs: this.#timeNs(4 * flow),
      lastNs: this.#timeNs(4 * flow + 2),
      packets: this.#packets[flow]!,
      bytes: this.#bytes[flow]!,
      tcpFlags: this.#tcpFlags[flow]!,
      isPlain: (kind & IS_PLAIN) !== 0,
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
    const { capacity } = this.#table;
    const [packets, bytes, tcpFlags, times] = [this.#packets, this.#bytes, this.#tcpFlags, this.#times];
    this.#packets = new Uint32Array(capacity);
    this.#packets.set(packets);
    this.#bytes = new Float64Array(capacity);
    this.#bytes.set(bytes);
    this.#tcpFlags = new Uint8Array(capacity);
    this.#tcpFlags.set(tcpFlags);
    this.#times = new Uint32Array(4 * capacity);
    this.#times.set(times);
  }
}

const u32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
