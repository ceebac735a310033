import type { PacketBlock } from '@bpfleet/linux';
import type { CapturedPacket } from './section-assembler.js';

/** The packet a ring block's cursor is on, as the assembler takes it. One object for all packets. */
export class BlockPacket implements CapturedPacket {
  block!: PacketBlock;
  readonly #tag = { tpid: 0, tci: 0 };

  get seconds(): number {
    return this.block.seconds;
  }
  get nanoseconds(): number {
    return this.block.nanoseconds;
  }
  get bytes(): Uint8Array {
    return this.block.bytes;
  }
  get start(): number {
    return this.block.start;
  }
  get capturedLength(): number {
    return this.block.capturedLength;
  }
  get wireLength(): number {
    return this.block.wireLength;
  }
  get vlan(): { readonly tpid: number; readonly tci: number } | undefined {
    if (!this.block.vlanPresent) return undefined;
    this.#tag.tpid = this.block.vlanTpid;
    this.#tag.tci = this.block.vlanTci;
    return this.#tag;
  }
}
