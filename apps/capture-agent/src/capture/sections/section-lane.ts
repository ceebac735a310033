import { LinkType, linkTypeNumber } from '@bpfleet/packet';
import type { SocketInterface } from '../../border/opener-port.js';

/** Kernel counters of a socket since it was opened. */
export interface LaneStatistics {
  /** Passed the program: taken or dropped. */
  readonly passed: number;
  readonly dropped: number;
}

/** A stream of packets of one interface, as sections know it: a socket, or a file. */
export abstract class SectionLane {
  /** Its interface block in the open section; -1: it has none there. */
  interfaceId = -1;
  /** That block, encoded once. */
  block: Uint8Array | undefined;
  /** Where it is read: the block at hand, and how many of its packets were dealt with. */
  blockSequence = 0;
  blockPackets = 0;
  /** LINKTYPE_ of its packets as they are stored. */
  readonly linkType: number;
  /** Packets read, kept or not. */
  taken = 0;
  /** Whether packets tell which way they went. */
  readonly knowsDirection: boolean = true;

  /** @param id the opener's number of the socket */
  protected constructor(
    readonly id: number,
    readonly device: SocketInterface,
  ) {
    this.linkType = linkTypeNumber(device.linkType) ?? LinkType.EN10MB;
  }

  abstract statistics(): LaneStatistics;

  /** The packet at hand is dealt with. */
  passed(): void {
    this.blockPackets++;
    this.taken++;
  }
}
