import type { Totals } from './flow-groups.js';
import type { HostCells } from './host-cells.js';
import { NumberReader, NumberWriter } from './number-bytes.js';
import { WordTable } from './word-table.js';

/** Packets and bytes by key, and what they stand for by sampling. `words` of a key's 32-bit words. */
class SumTable {
  readonly table: WordTable;
  /** Packets and bytes of each key in turn: side by side they share a cache line. */
  #counts: Float64Array;
  /** The same by their weights; undefined while all of these are 1. */
  #estimates: Float64Array | undefined;

  constructor(readonly words: number) {
    this.table = new WordTable(words);
    this.#counts = new Float64Array(2 * this.table.capacity);
  }

  /** Adds to the key in `table.key`. */
  add(packets: number, bytes: number, weight: number): void {
    const number = this.table.claim();
    if (2 * number >= this.#counts.length) this.#grow();
    if (weight !== 1) this.#estimates ??= this.#counts.slice();
    this.#counts[2 * number]! += packets;
    this.#counts[2 * number + 1]! += bytes;
    if (this.#estimates === undefined) return;
    this.#estimates[2 * number]! += packets * weight;
    this.#estimates[2 * number + 1]! += bytes * weight;
  }

  packets(number: number): number {
    return this.#counts[2 * number]!;
  }

  bytes(number: number): number {
    return this.#counts[2 * number + 1]!;
  }

  sum<Key>(key: Key, number: number): Sum<Key> {
    const estimates = this.#estimates ?? this.#counts;
    return {
      ...{ key, packets: this.packets(number), bytes: this.bytes(number) },
      ...{ estimatedPackets: estimates[2 * number]!, estimatedBytes: estimates[2 * number + 1]! },
    };
  }

  #grow(): void {
    const larger = () => new Float64Array(2 * this.table.capacity);
    const [counts, estimates] = [this.#counts, this.#estimates];
    this.#counts = larger();
    this.#counts.set(counts);
    if (estimates === undefined) return;
    this.#estimates = larger();
    this.#estimates.set(estimates);
  }
}

/** What a key has of the flows. */
export interface Sum<Key> extends Totals {
  readonly key: Key;
}

/**
 * Packets and bytes of hosts, whichever end of the flow they are. As bytes: how many IPv4 and how many IPv6 hosts, then
 * for each its address, packets and bytes; all numbers as LEB128.
 */
export class HostSums {
  readonly #four = new SumTable(1);
  readonly #six = new SumTable(4);

  /** One packet of a host to itself counts once. */
  addFlow(source: Uint8Array, destination: Uint8Array, packets: number, bytes: number): void {
    this.#add(source, 0, source.length, packets, bytes, 1);
    if (!isSame(source, destination)) this.#add(destination, 0, destination.length, packets, bytes, 1);
  }

  /** How many hosts there are. */
  get size(): number {
    return this.#four.table.size + this.#six.table.size;
  }

  /**
   * @param weight how many packets one of them stands for; `encode` does not tell
   * @param cells only hosts of those that are chosen
   */
  addEncoded(encoded: Uint8Array, weight = 1, cells?: HostCells): void {
    const reader = new NumberReader(encoded);
    const counts = [reader.number(), reader.number()];
    [this.#four, this.#six].forEach((sums, family) => {
      const { key } = sums.table;
      for (let n = 0; n < counts[family]!; n++) {
        for (let word = 0; word < sums.words; word++) key[word] = reader.u32();
        const packets = reader.number();
        const bytes = reader.number();
        if (cells === undefined || cells.isChosen(key)) sums.add(packets, bytes, weight);
      }
    });
  }

  encode(): Uint8Array {
    const writer = new NumberWriter();
    writer.number(this.#four.table.size);
    writer.number(this.#six.table.size);
    for (const sums of [this.#four, this.#six]) {
      for (let number = 0; number < sums.table.size; number++) {
        for (let word = 0; word < sums.words; word++) writer.u32(sums.table.word(number, word));
        writer.number(sums.packets(number));
        writer.number(sums.bytes(number));
      }
    }
    return writer.finish();
  }

  /** The hosts with most, the largest first; of equal ones the lower address. Addresses have 4 or 16 bytes. */
  largest(order: 'packets' | 'bytes', limit: number): Sum<Uint8Array>[] {
    const found: Sum<Uint8Array>[] = [];
    // Sorted now and then, so that no host costs more than a comparison with the least of those found.
    let least = 0;
    for (const sums of [this.#four, this.#six]) {
      for (let number = 0; number < sums.table.size; number++) {
        if ((order === 'bytes' ? sums.bytes(number) : sums.packets(number)) < least) continue;
        found.push(sums.sum(addressOf(sums, number), number));
        if (found.length >= 2 * limit + 64) least = cutTo(found, order, limit);
      }
    }
    cutTo(found, order, limit);
    return found;
  }

  #add(from: Uint8Array, at: number, length: number, packets: number, bytes: number, weight: number): void {
    const sums = length === 4 ? this.#four : this.#six;
    const { key } = sums.table;
    for (let word = 0; word < sums.words; word++) key[word] = u32(from, at + 4 * word);
    sums.add(packets, bytes, weight);
  }
}

/** @returns the least that is among them now */
function cutTo(found: Sum<Uint8Array>[], order: 'packets' | 'bytes', limit: number): number {
  found.sort((a, b) => b[order] - a[order] || a.key.length - b.key.length || Buffer.compare(a.key, b.key));
  found.length = Math.min(found.length, limit);
  return found.length < limit ? 0 : found.at(-1)![order];
}

/** A protocol with the port of the service; -1 where there are no ports. */
export interface Service {
  readonly protocol: number;
  readonly port: number;
}

/**
 * Packets and bytes by protocol and service. As bytes: how many, then for each its protocol, port plus one, packets and
 * bytes, as LEB128.
 */
export class ServiceSums {
  readonly #sums = new SumTable(1);

  add(protocol: number, port: number, packets: number, bytes: number, weight = 1): void {
    this.#sums.table.key[0] = (protocol << 17) | (port + 1);
    this.#sums.add(packets, bytes, weight);
  }

  /** @param weight how many packets one of them stands for; `encode` does not tell */
  addEncoded(encoded: Uint8Array, weight = 1): void {
    const reader = new NumberReader(encoded);
    const count = reader.number();
    for (let n = 0; n < count; n++) {
      this.add(reader.number(), reader.number() - 1, reader.number(), reader.number(), weight);
    }
  }

  encode(): Uint8Array {
    const writer = new NumberWriter();
    writer.number(this.#sums.table.size);
    for (const { key, packets, bytes } of this.sums()) {
      for (const value of [key.protocol, key.port + 1, packets, bytes]) writer.number(value);
    }
    return writer.finish();
  }

  *sums(): Generator<Sum<Service>, void, void> {
    const { table } = this.#sums;
    for (let number = 0; number < table.size; number++) {
      const word = table.word(number, 0);
      const key = { protocol: word >>> 17, port: (word & 0x1ffff) - 1 };
      yield this.#sums.sum(key, number);
    }
  }
}

/** The port that names the service: the smaller one, since clients take theirs from the upper end. */
export const servicePort = (sourcePort: number, destinationPort: number): number =>
  Math.min(sourcePort, destinationPort);

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

function addressOf(sums: SumTable, number: number): Uint8Array {
  const address = new Uint8Array(4 * sums.words);
  const view = new DataView(address.buffer);
  for (let word = 0; word < sums.words; word++) view.setUint32(4 * word, sums.table.word(number, word));
  return address;
}

const u32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
