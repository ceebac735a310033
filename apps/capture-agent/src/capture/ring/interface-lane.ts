import type { SocketInterface } from '../../border/opener-port.js';
import type { Attribution } from '../attribution/attribution.js';
import { type LaneStatistics, type ReadingPlace, SectionLane } from '../sections/section-lane.js';

/** One interface in a ring: with the attribution of the filters that let its packets through. */
export class InterfaceLane extends SectionLane {
  constructor(
    device: SocketInterface,
    place: ReadingPlace,
    public attribution: Attribution,
    /** Of the socket, where it is this interface's alone. */
    private readonly counted: () => LaneStatistics | undefined,
  ) {
    super(device, place);
  }

  statistics(): LaneStatistics | undefined {
    return this.counted();
  }
}
