import type { BusRecord, LogBounds, ReceivedRecord } from '../bus.js';

/** What one record takes in memory and, roughly, on the wire. */
export function sizeBytes(record: BusRecord): number {
  let bytes = record.value.byteLength + record.key.length;
  for (const [name, value] of Object.entries(record.headers)) bytes += name.length + value.length;
  return bytes;
}

/** The records of one partition, from the first that is still needed to the last that was sent. */
export class MemoryLog {
  #first = 0n;
  #records: ReceivedRecord[] = [];

  bounds(): LogBounds {
    return { first: this.#first, end: this.#first + BigInt(this.#records.length) };
  }

  /** Keeps a copy: a sender whose call timed out may write new records over the same bytes. */
  append(record: BusRecord, timestampMs: number): bigint {
    const offset = this.bounds().end;
    const { key } = record;
    this.#records.push({ offset, key, value: record.value.slice(), headers: { ...record.headers }, timestampMs });
    return offset;
  }

  /** Records from `offset` on, up to `maxBytes` but at least one, or none at the end. */
  read(offset: bigint, maxBytes: number): ReceivedRecord[] {
    const start = Number(offset - this.#first);
    let end = start;
    for (let bytes = 0; end < this.#records.length; end += 1) {
      bytes += sizeBytes(this.#records[end]!);
      if (bytes > maxBytes && end > start) break;
    }
    return this.#records.slice(start, end);
  }

  /** Forgets what lies before `offset`. Returns the bytes that became free. */
  dropBelow(offset: bigint): number {
    const { first, end } = this.bounds();
    const until = offset > end ? end : offset;
    if (until <= first) return 0;
    const dropped = this.#records.splice(0, Number(until - first));
    this.#first = until;
    return dropped.reduce((bytes, record) => bytes + sizeBytes(record), 0);
  }
}
