import type { TailGap } from '@bpfleet/contract';
import { PcapngFile } from '../packets/capture-file.js';
import { PacketRows } from '../packets/packet-row.js';
import type { MatchedPacket } from '../packets/packet-scan.js';

/** How a tail is written. Each call answers the bytes to send; undefined: nothing. */
export interface TailOutput {
  begin(cursor: string): Uint8Array;
  /** What one step found, and the cursor behind it. */
  step(packets: readonly MatchedPacket[], gaps: readonly TailGap[], cursor: string): Uint8Array | undefined;
  heartbeat(cursor: string): Uint8Array | undefined;
}

/** Lines of packets and gaps, and behind those of a step its cursor. */
export class NdjsonTail implements TailOutput {
  readonly #rows = new PacketRows();

  begin(cursor: string): Uint8Array {
    return this.heartbeat(cursor);
  }

  step(packets: readonly MatchedPacket[], gaps: readonly TailGap[], cursor: string): Uint8Array {
    const lines = [...gaps.map((gap) => ({ gap })), ...packets.map((packet) => this.#rows.rowOf(packet)), { cursor }];
    return Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }

  heartbeat(cursor: string): Uint8Array {
    return Buffer.from(`${JSON.stringify({ cursor })}\n`);
  }
}

/** An event for each step, so that its id is behind all of its packets: a receiver has either both or neither. */
export class EventTail implements TailOutput {
  readonly #rows = new PacketRows();

  begin(cursor: string): Uint8Array {
    return Buffer.from(`retry: 1000\n\n${event('cursor', {}, cursor)}`);
  }

  step(packets: readonly MatchedPacket[], gaps: readonly TailGap[], cursor: string): Uint8Array {
    const data = { gaps, packets: packets.map((packet) => this.#rows.rowOf(packet)) };
    return Buffer.from(event('packets', data, cursor));
  }

  heartbeat(cursor: string): Uint8Array {
    return Buffer.from(event('cursor', {}, cursor));
  }
}

const event = (name: string, data: object, id: string): string =>
  `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

/** A capture file without an end. It has no place for cursors and gaps: who needs those takes another form. */
export class PcapngTail implements TailOutput {
  readonly #file = new PcapngFile();

  begin(): Uint8Array {
    return this.#file.header();
  }

  step(packets: readonly MatchedPacket[]): Uint8Array | undefined {
    if (packets.length === 0) return undefined;
    return Buffer.concat(packets.flatMap((packet) => this.#blocks(packet)));
  }

  heartbeat(): undefined {
    return undefined;
  }

  #blocks(packet: MatchedPacket): Uint8Array[] {
    const before = this.#file.before(packet);
    const bytes = Buffer.alloc(this.#file.sizeBytes(packet));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#file.write({ bytes, view, at: 0 }, packet);
    return before ? [before, bytes] : [bytes];
  }
}
