import type { PacketBlock } from '@bpfleet/linux';
import type { ReadPacket } from '../attribution/read-packet.js';

/** The packet a ring block's cursor is on. One object for all packets. */
export class RingPacket implements ReadPacket {
  block!: PacketBlock;

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
  get flags(): number {
    return 0;
  }
  get protocol(): number {
    return this.block.protocol;
  }
  get packetType(): number {
    return this.block.packetType;
  }
  get interfaceIndex(): number {
    return this.block.interfaceIndex;
  }
  get vlanTagPresent(): boolean {
    return this.block.vlanPresent;
  }
  get vlanTci(): number {
    return this.block.vlanTci;
  }
  get vlanProtocol(): number {
    return this.block.vlanTpid;
  }
  get hardwareType(): number {
    return this.block.hardwareType;
  }
  get addressLength(): number {
    return this.block.addressLength;
  }
  get addressStart(): number {
    return this.block.addressStart;
  }
}
