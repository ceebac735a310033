import type { NotRetained, TailGap } from '@bpfleet/contract';
import { idleBlock, withComments } from '@bpfleet/section';
import { PcapngFile } from '../packets/capture-file.js';
import { PacketRows } from '../packets/packet-row.js';
import type { MatchedPacket } from '../packets/packet-scan.js';

/** How a tail is written. Each call answers the bytes to send. */
export interface TailOutput {
  /** @param notRetained what is given up of the time that was asked for */
  begin(cursor: string, notRetained: NotRetained): Uint8Array;
  /** What one step found, and the cursor behind it, in small pieces: a step as a whole could be many megabytes. */
  step(packets: readonly MatchedPacket[], gaps: readonly TailGap[], cursor: string): Iterable<Uint8Array>;
  heartbeat(cursor: string): Uint8Array;
}

/** Lines of packets and gaps, and behind those of a step its cursor. */
export class NdjsonTail implements TailOutput {
  readonly #rows = new PacketRows();

  begin(cursor: string, notRetained: NotRetained): Uint8Array {
    return lines([...(notRetained.length === 0 ? [] : [{ notRetained }]), { cursor }]);
  }

  *step(packets: readonly MatchedPacket[], gaps: readonly TailGap[], cursor: string): Generator<Uint8Array> {
    if (gaps.length > 0) yield lines(gaps.map((gap) => ({ gap })));
    for (const packet of packets) yield lines([this.#rows.rowOf(packet)]);
    yield lines([{ cursor }]);
  }

  heartbeat(cursor: string): Uint8Array {
    return lines([{ cursor }]);
  }
}

const lines = (all: readonly object[]): Uint8Array =>
  Buffer.from(all.map((line) => `${JSON.stringify(line)}\n`).join(''));

/** An event for each step, so that its id is behind all of its packets: a receiver has either both or neither. */
export class EventTail implements TailOutput {
  readonly #rows = new PacketRows();

  begin(cursor: string, notRetained: NotRetained): Uint8Array {
    const data = notRetained.length === 0 ? {} : { notRetained };
    return Buffer.from(`retry: 1000\n\n${cursorEvent(data, cursor)}`);
  }

  *step(packets: readonly MatchedPacket[], gaps: readonly TailGap[], cursor: string): Generator<Uint8Array> {
    yield Buffer.from(`id: ${cursor}\nevent: packets\ndata: {"gaps":${JSON.stringify(gaps)},"packets":[`);
    for (const [index, packet] of packets.entries()) {
      yield Buffer.from(`${index === 0 ? '' : ','}${JSON.stringify(this.#rows.rowOf(packet))}`);
    }
    yield Buffer.from(']}\n\n');
  }

  heartbeat(cursor: string): Uint8Array {
    return Buffer.from(cursorEvent({}, cursor));
  }
}

const cursorEvent = (data: object, cursor: string): string =>
  `id: ${cursor}\nevent: cursor\ndata: ${JSON.stringify(data)}\n\n`;

/** A capture file without an end. It has no place for cursors; what is gone is a comment of the packet behind it. */
export class PcapngTail implements TailOutput {
  readonly #file = new PcapngFile({ mixed: true });
  #comments: string[] = [];

  begin(_: string, notRetained: NotRetained): Uint8Array {
    this.#comments = notRetained.map(({ since, until }) => `from ${since} to ${until} not all is kept any more`);
    return this.#file.header();
  }

  *step(packets: readonly MatchedPacket[], gaps: readonly TailGap[]): Generator<Uint8Array> {
    this.#comments.push(...gaps.map(gapText));
    for (const packet of packets) yield* this.#blocks(packet);
  }

  heartbeat(): Uint8Array {
    return idleBlock();
  }

  #blocks(packet: MatchedPacket): Uint8Array[] {
    const before = this.#file.before(packet);
    const bytes = Buffer.alloc(this.#file.sizeBytes(packet));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#file.write({ bytes, view, at: 0 }, packet);
    const block = withComments(bytes, this.#comments);
    this.#comments = [];
    return before ? [before, block] : [block];
  }
}

const gapText = ({ reason, partition, firstOffset, endOffset, records }: TailGap): string =>
  `a gap: ${reason}, up to ${records} records, offsets ${firstOffset} to ${endOffset} of partition ${partition}`;
