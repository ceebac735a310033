import { type Address, closeDescriptor, libc, mapShared, succeed, viewMemory } from '../calls/libc.js';
import { SystemCallError } from '../calls/system-call-error.js';
import { BlockRing } from '../ring/block-ring.js';
import type { RingGeometry } from '../ring/layout.js';
import type { RingPosition } from '../ring/ring-resume.js';
import { SO_ERROR, SOL_SOCKET } from './constants.js';
import { isInterfaceGone, RingSocket, type RingSocketOptions } from './ring-socket.js';
import { attachProgram, readProgram } from './socket-filter.js';
import { type SocketCounters, SocketStatistics } from './statistics.js';

export interface AdoptedRing {
  readonly geometry: RingGeometry;
  readonly skipOutgoing: boolean;
  /** Another process read the ring before: go on where it stopped, or behind a position it had reached (`BlockRing.resume`). */
  readonly resume: boolean | RingPosition;
  /** With `resume: true`, where that process stood: who skips by itself has what is left counted from there. */
  readonly countFrom?: RingPosition | undefined;
  /** The interface's name, for messages. */
  readonly subject: string;
}

/**
 * A packet socket on one interface: AF_PACKET, SOCK_RAW, with a TPACKET_V3 ring.
 *
 * `open` returns with a program attached that rejects everything and an empty ring; `attach` starts the capture. So no
 * packet ever reaches the ring that its program did not accept. (Programs are swapped by attaching the next: packets on
 * their way may still pass the old one for the length of the call.)
 *
 * Contract for the worker thread that reads it. All methods block and belong to the thread that opened the socket:
 *
 *     const poll = new PollSet([socket.fd, wakeUp.fd]);     // WakeUp: created by the main thread, `fd` passed in
 *     for (;;) {
 *       poll.wait(-1);
 *       if (poll.isReadable(1)) { wakeUp.clear(); … orders of the main thread: stop, attach, statistics … }
 *       if (poll.isFaulty(0) && socket.takeError() === 'ENETDOWN') … // the link is down or, `isInterfaceGone()`, gone
 *       for (let block = socket.ring.take(); block !== undefined; block = socket.ring.take()) {
 *         while (block.next()) … // bytes stay until release, fields until the next take
 *         socket.ring.release();
 *       }
 *     }
 *     socket.close();
 *
 * The descriptor is readable while the newest block is ours, taken or not: who holds blocks over a wait needs an `EventSet`
 * in place of the `PollSet`. An interface that comes up again is
 * captured again without further ado; one that is gone needs a new socket.
 */
export class PacketSocket {
  #isOpen = true;
  readonly #statistics: SocketStatistics;
  readonly #memory: { readonly address: Address; readonly bytes: number };
  readonly ring: BlockRing;

  private constructor(
    readonly fd: number,
    private readonly options: AdoptedRing,
  ) {
    const { geometry, skipOutgoing, resume, countFrom } = options;
    const bytes = geometry.blockBytes * geometry.blockCount;
    const address = mapShared(fd, bytes);
    this.#memory = { address, bytes };
    this.ring = new BlockRing(viewMemory(address, bytes), geometry, { skipOutgoing });
    this.#statistics = new SocketStatistics(fd);
    if (resume === false) return;
    this.ring.resume(resume === true ? undefined : resume);
    this.#statistics.begin(this.ring.unreadPackets(countFrom));
  }

  /**
   * Opens a socket for this process alone.
   * @throws BpfleetError as `RingSocket.open`
   */
  static open(options: RingSocketOptions): PacketSocket {
    const { fd, geometry, skipOutgoing, networkInterface } = RingSocket.open(options);
    try {
      return new PacketSocket(fd, { geometry, skipOutgoing, resume: false, subject: networkInterface.name });
    } catch (error) {
      closeDescriptor(fd);
      throw error;
    }
  }

  /**
   * Reads the ring of a socket that somebody else opened; the descriptor belongs to this object from here on. Of the
   * holders of one socket only the reader may ask for statistics: asking sets the kernel's counters to 0.
   * @throws SystemCallError when the ring cannot be mapped
   */
  static adopt(fd: number, ring: AdoptedRing): PacketSocket {
    return new PacketSocket(fd, ring);
  }

  /** As `RingSocket.attach`. @throws BpfleetError `ATTACH_REFUSED` */
  attach(program: Uint8Array): void {
    attachProgram(this.fd, program, this.options.subject);
  }

  readBack(): Uint8Array {
    return readProgram(this.fd);
  }

  /** As `RingSocket.isInterfaceGone`. */
  isInterfaceGone(): boolean {
    return isInterfaceGone(this.fd);
  }

  /** Totals since it was opened or adopted; what a reader before left in the ring has passed too. */
  statistics(): Readonly<SocketCounters> {
    return this.#statistics.read();
  }

  /** Reads and clears the error a poll reported, by name: `ENETDOWN` when the interface went down or away. */
  takeError(): string | undefined {
    const value = new DataView(new ArrayBuffer(4));
    const bytes = new Uint8Array(value.buffer);
    succeed('getsockopt SO_ERROR', libc().getsockopt(this.fd, SOL_SOCKET, SO_ERROR, bytes, [4]));
    const number = value.getInt32(0, true);
    return number === 0 ? undefined : new SystemCallError('capture', number).errno;
  }

  /** Ends the capture and frees the ring. Blocks and cursors taken before must not be read afterwards. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.ring.close();
    libc().munmap(this.#memory.address, this.#memory.bytes);
    closeDescriptor(this.fd);
  }
}
