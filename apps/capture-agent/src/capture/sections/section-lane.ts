import { LinkType, linkTypeNumber } from '@bpfleet/packet';
import type { SocketInterface } from '../../border/opener-port.js';

/** Kernel counters of a socket since it was opened. */
export interface LaneStatistics {
  /** Passed the program: taken or dropped. */
  readonly passed: number;
  readonly dropped: number;
}

/** Where a ring is read: the block at hand, and how many of its packets were dealt with. Interfaces of one ring share it. */
export interface ReadingPlace {
  /** The opener's number. */
  readonly socket: number;
  blockSequence: number;
  packets: number;
}

/** A stream of packets of one interface, as sections know it: of a socket, or a file. */
export abstract class SectionLane {
  /** Its interface block in the open section; -1: it has none there. */
  interfaceId = -1;
  /** That block, encoded once. */
  block: Uint8Array | undefined;
  /** LINKTYPE_ of its packets as they are stored. */
  readonly linkType: number;
  /** Packets read, kept or not. */
  taken = 0;
  /** Packets read that are taken from another ring. */
  left = 0;
  /** Whether packets tell which way they went. */
  readonly knowsDirection: boolean = true;

  protected constructor(
    readonly device: SocketInterface,
    readonly place: ReadingPlace,
  ) {
    this.linkType = linkTypeNumber(device.linkType) ?? LinkType.EN10MB;
  }

  /** undefined: the kernel counts for several interfaces together. */
  abstract statistics(): LaneStatistics | undefined;

  /** The packet at hand is dealt with, or so many. */
  passed(packets = 1): void {
    this.place.packets += packets;
    this.taken += packets;
  }

  /** The packet at hand is another socket's, which counts it. */
  leave(): void {
    this.place.packets++;
    this.left++;
  }
}
