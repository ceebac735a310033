import type { PacketSocket, WindowPart } from '@bpfleet/linux';
import type { LaneSocket } from '../ring-lane.js';
import { RunCopier } from './run-copier.js';

/** A packet socket whose ring is also in the memory of a copier. */
export class CopyingSocket implements LaneSocket {
  private constructor(
    private readonly socket: PacketSocket,
    readonly copier: RunCopier,
  ) {}

  /**
   * The socket itself where there can be no copier: its packets are taken one by one, which only takes longer.
   * @param section the file of the open section
   * @param refused told why there is none
   */
  static of(
    socket: PacketSocket,
    section: WindowPart,
    ringBytes: number,
    refused: (error: unknown) => void,
  ): LaneSocket {
    try {
      return new CopyingSocket(socket, RunCopier.open(section, { descriptor: socket.fd, sizeBytes: ringBytes }));
    } catch (error) {
      refused(error);
      return socket;
    }
  }

  get fd(): number {
    return this.socket.fd;
  }
  get ring() {
    return this.socket.ring;
  }
  statistics() {
    return this.socket.statistics();
  }
  takeError(): string | undefined {
    return this.socket.takeError();
  }

  close(): void {
    // First: the kernel keeps a ring for as long as it is mapped anywhere.
    this.copier.close();
    this.socket.close();
  }
}
