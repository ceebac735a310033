import { BpfleetError } from '@bpfleet/errors';
import { type Address, closeDescriptor, libc, mapShared, succeed, viewMemory } from '../calls/libc.js';
import { SystemCallError } from '../calls/system-call-error.js';
import { interfaces } from '../interfaces/interfaces.js';
import type { NetworkInterface } from '../interfaces/link-messages.js';
import { BlockRing, type RingGeometry } from '../ring/block-ring.js';
import {
  AF_PACKET,
  ETH_P_ALL,
  linkAddress,
  PACKET_IGNORE_OUTGOING,
  PACKET_RX_RING,
  PACKET_VERSION,
  SO_ERROR,
  SOCK_CLOEXEC,
  SOCK_RAW,
  SOCKADDR_LL_BYTES,
  SOL_PACKET,
  SOL_SOCKET,
  TPACKET_V3,
} from './constants.js';
import { interfaceUnknown, openRefused, ringRefused } from './refusals.js';
import { attachProgram, readProgram, rejectAll } from './socket-filter.js';
import { type SocketCounters, SocketStatistics } from './statistics.js';

export interface PacketSocketOptions {
  readonly interfaceIndex: number;
  /** A multiple of the page size (4 or 64 KiB). 256 KiB hold four GRO frames of the largest size. */
  readonly blockBytes?: number;
  readonly blockCount: number;
  /** A block that is not full is handed over after this long, if it holds a packet. The kernel counts in jiffies. */
  readonly blockTimeoutMs: number;
  /** Leave out what this host sends. On `lo` always: each packet passes there twice, going out and coming in. */
  readonly ignoreOutgoing?: boolean;
}

const defaultBlockBytes = 262_144;
/** `tp_frame_size` means nothing in TPACKET_V3, but block size and frame count must be multiples of it. */
const frameBytes = 2048;

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
 *         while (block.next()) … // fields are valid until release: copy the bytes now
 *         socket.ring.release();
 *       }
 *     }
 *     socket.close();
 *
 * A descriptor is readable while the kernel has a block for us that was not taken. An interface that comes up again is
 * captured again without further ado; one that is gone needs a new socket.
 */
export class PacketSocket {
  #isOpen = true;
  readonly #statistics: SocketStatistics;

  private constructor(
    readonly fd: number,
    readonly networkInterface: NetworkInterface,
    readonly ring: BlockRing,
    private readonly memory: { readonly address: Address; readonly bytes: number },
  ) {
    this.#statistics = new SocketStatistics(fd);
  }

  /**
   * @throws BpfleetError `CAPTURE_NOT_PERMITTED` without CAP_NET_RAW, `INTERFACE_UNKNOWN` when no interface has the
   * index, `SYSTEM_CALL` when there is no memory for the ring
   */
  static open(options: PacketSocketOptions): PacketSocket {
    const device = findInterface(options.interfaceIndex);
    const geometry = { blockBytes: options.blockBytes ?? defaultBlockBytes, blockCount: options.blockCount };
    const fd = openSocket();
    let socket: PacketSocket;
    try {
      setOption(fd, PACKET_VERSION, TPACKET_V3);
      makeRing(fd, geometry, options.blockTimeoutMs);
      attachProgram(fd, rejectAll, device.name);
      const skipOutgoing = (options.ignoreOutgoing ?? device.isLoopback) && !ignoreOutgoing(fd);
      const bytes = geometry.blockBytes * geometry.blockCount;
      const address = mapShared(fd, bytes);
      const ring = new BlockRing(viewMemory(address, bytes), geometry, { skipOutgoing });
      socket = new PacketSocket(fd, device, ring, { address, bytes });
    } catch (error) {
      closeDescriptor(fd);
      throw error;
    }
    socket.#bind();
    return socket;
  }

  /**
   * Lets a program decide what reaches the ring from now on: encoded `struct sock_filter`s. It replaces the previous
   * one at once; a program that is refused leaves the previous one in place. While both exist the kernel charges both to
   * the socket: together they must be below net.core.optmem_max.
   * @throws BpfleetError `ATTACH_REFUSED`
   */
  attach(program: Uint8Array): void {
    attachProgram(this.fd, program, this.networkInterface.name);
  }

  /** The program the kernel has attached now, encoded; empty when there is none. */
  readBack(): Uint8Array {
    return readProgram(this.fd);
  }

  /** Totals since `open`. */
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

  /** Whether the interface was removed: nothing will come any more, even if one with the same name appears. */
  isInterfaceGone(): boolean {
    const address = new Uint8Array(SOCKADDR_LL_BYTES);
    succeed('getsockname', libc().getsockname(this.fd, address, [address.length]));
    // `packet_notifier` sets the index of a removed interface to -1.
    return new DataView(address.buffer).getInt32(4, true) === -1;
  }

  /** Ends the capture and frees the ring. Blocks and cursors taken before must not be read afterwards. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.ring.close();
    libc().munmap(this.memory.address, this.memory.bytes);
    closeDescriptor(this.fd);
  }

  /** From here on packets meet the program that rejects all; the drain is for what no kernel should have let in. */
  #bind(): void {
    const address = linkAddress(this.networkInterface.index, ETH_P_ALL);
    try {
      succeed('bind', libc().bind(this.fd, address, address.length));
      while (this.ring.take() !== undefined) this.ring.release();
      this.#statistics.reset();
    } catch (error) {
      this.close();
      throw error instanceof SystemCallError && error.errno === 'ENODEV'
        ? interfaceUnknown(this.networkInterface.index, error)
        : error;
    }
  }
}

function findInterface(index: number): NetworkInterface {
  const found = interfaces().find((candidate) => candidate.index === index);
  if (found === undefined) throw interfaceUnknown(index);
  return found;
}

function openSocket(): number {
  try {
    // Protocol 0: nothing is received before `bind`, where a program is attached already.
    return succeed('socket', libc().socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  } catch (error) {
    throw openRefused(error);
  }
}

/** `struct tpacket_req3`, include/uapi/linux/if_packet.h. */
function makeRing(fd: number, { blockBytes, blockCount }: RingGeometry, blockTimeoutMs: number): void {
  if (!Number.isInteger(blockBytes / 4096) || !(blockCount >= 1)) {
    throw new BpfleetError('CONFIG_INVALID', `a ring of ${blockCount} blocks of ${blockBytes} bytes cannot be made`, {
      hint: 'blocks are multiples of the page size, at least one',
    });
  }
  const framesPerBlock = blockBytes / frameBytes;
  const request = new Uint32Array([
    blockBytes, // tp_block_size
    blockCount, // tp_block_nr
    frameBytes, // tp_frame_size
    framesPerBlock * blockCount, // tp_frame_nr
    Math.max(1, Math.round(blockTimeoutMs)), // tp_retire_blk_tov; 0 would let the kernel guess from the link speed
    0, // tp_sizeof_priv
    0, // tp_feature_req_word: no flow hash
  ]);
  const bytes = new Uint8Array(request.buffer);
  try {
    succeed('setsockopt PACKET_RX_RING', libc().setsockopt(fd, SOL_PACKET, PACKET_RX_RING, bytes, bytes.length));
  } catch (error) {
    throw ringRefused(error, blockBytes * blockCount);
  }
}

function setOption(fd: number, option: number, value: number): void {
  const bytes = new Uint8Array(new Int32Array([value]).buffer);
  succeed(`setsockopt SOL_PACKET ${option}`, libc().setsockopt(fd, SOL_PACKET, option, bytes, bytes.length));
}

/** False where the kernel cannot (before 4.20): the ring then skips outgoing packets itself. */
function ignoreOutgoing(fd: number): boolean {
  try {
    setOption(fd, PACKET_IGNORE_OUTGOING, 1);
    return true;
  } catch (error) {
    if (error instanceof SystemCallError && error.errno === 'ENOPROTOOPT') return false;
    throw error;
  }
}
