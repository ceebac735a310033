import { BpfleetError } from '@bpfleet/errors';
import { closeDescriptor, duplicateDescriptor, libc, succeed } from '../calls/libc.js';
import { SystemCallError } from '../calls/system-call-error.js';
import { interfaces } from '../interfaces/interfaces.js';
import type { NetworkInterface } from '../interfaces/link-messages.js';
import type { RingGeometry } from '../ring/layout.js';
import {
  AF_PACKET,
  ETH_P_ALL,
  linkAddress,
  PACKET_IGNORE_OUTGOING,
  PACKET_RX_RING,
  PACKET_VERSION,
  SO_TIMESTAMPNS,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCKADDR_LL_BYTES,
  SOL_PACKET,
  SOL_SOCKET,
  TPACKET_V3,
} from './constants.js';
import { interfaceUnknown, openRefused, ringRefused } from './refusals.js';
import { attachLoaded, attachProgram, readProgram, rejectAll } from './socket-filter.js';

export interface RingSocketOptions {
  /** 0: all there are and will be. Each packet tells its own; what it begins with depends on that, unless it is `cooked`. */
  readonly interfaceIndex: number;
  /** A multiple of the page size (4 or 64 KiB). 256 KiB hold four GRO frames of the largest size. */
  readonly blockBytes?: number;
  readonly blockCount: number;
  /** A block that is not full is handed over after this long, if it holds a packet. The kernel counts in jiffies. */
  readonly blockTimeoutMs: number;
  /** Leave out what this host sends. On `lo` always: each packet passes there twice, going out and coming in. */
  readonly ignoreOutgoing?: boolean;
  /**
   * Packets without their link-layer header (SOCK_DGRAM): offset 0 of the program and of the bytes is the network header.
   * By default on interfaces whose link type is LINUX_SLL2.
   */
  readonly cooked?: boolean;
  /**
   * A packet's time is when the host got it, the same on all sockets that it reaches, and not when it came to this one. It takes
   * a moment to begin, and the kernel then stamps every packet of the host. By default off.
   */
  readonly arrivalTime?: boolean;
}

const defaultBlockBytes = 262_144;
/** `tp_frame_size` means nothing in TPACKET_V3, but block size and frame count must be multiples of it. */
const frameBytes = 2048;

/**
 * A packet socket on one interface with a TPACKET_V3 ring, as whoever decides over it holds it: attaches, reads back, and
 * hands descriptors to the process that reads the ring (`PacketSocket.adopt`). Does not map the ring itself.
 *
 * `open` returns with a program attached that rejects everything, so that no packet ever reaches the ring which its program
 * did not accept.
 */
export class RingSocket {
  #isOpen = true;

  private constructor(
    readonly fd: number,
    readonly networkInterface: NetworkInterface,
    readonly geometry: RingGeometry,
    /** The kernel shows what this host sends as well (before 4.20 it cannot leave it out): the reader has to skip it. */
    readonly skipOutgoing: boolean,
    readonly cooked: boolean,
  ) {}

  /**
   * @throws BpfleetError `CAPTURE_NOT_PERMITTED` without CAP_NET_RAW, `INTERFACE_UNKNOWN` when no interface has the
   * index, `SYSTEM_CALL` when there is no memory for the ring
   */
  static open(options: RingSocketOptions): RingSocket {
    const device = findInterface(options.interfaceIndex);
    const geometry = { blockBytes: options.blockBytes ?? defaultBlockBytes, blockCount: options.blockCount };
    const cooked = options.cooked ?? device.linkType === 'LINUX_SLL2';
    const fd = openSocket(cooked);
    try {
      setOption(fd, PACKET_VERSION, TPACKET_V3);
      makeRing(fd, geometry, options.blockTimeoutMs);
      attachProgram(fd, rejectAll, device.name);
      const skipOutgoing = (options.ignoreOutgoing ?? device.isLoopback) && !ignoreOutgoing(fd);
      // Once anyone asks for it, skbs have a time, which `tpacket_rcv` prefers to its own.
      if (options.arrivalTime === true) setOption(fd, SO_TIMESTAMPNS, 1, SOL_SOCKET);
      const address = linkAddress(device.index, ETH_P_ALL);
      succeed('bind', libc().bind(fd, address, address.length));
      return new RingSocket(fd, device, geometry, skipOutgoing, cooked);
    } catch (error) {
      closeDescriptor(fd);
      throw error instanceof SystemCallError && error.errno === 'ENODEV'
        ? interfaceUnknown(device.index, error)
        : error;
    }
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

  /**
   * The same with a program for the extended machine (`LoadedFilter.program`), which the caller may close afterwards. It cannot
   * be read back: `LoadedFilter.evidence` tells what was loaded.
   * @throws BpfleetError `ATTACH_REFUSED`
   */
  attachLoaded(program: number): void {
    attachLoaded(this.fd, program, this.networkInterface.name);
  }

  /** Nothing passes from now on. An interface that is gone takes the program too. */
  rejectAll(): void {
    this.attach(rejectAll);
  }

  /**
   * The program the kernel has attached now, encoded; empty when there is none.
   * @throws SystemCallError `EACCES` when it is one for the extended machine
   */
  readBack(): Uint8Array {
    return readProgram(this.fd);
  }

  /** Whether the interface was removed: nothing will come any more, even if one with the same name appears. */
  isInterfaceGone(): boolean {
    return isInterfaceGone(this.fd);
  }

  /** A descriptor for a reader in this process, which closes it. */
  duplicate(): number {
    return duplicateDescriptor(this.fd);
  }

  /** Others that hold a descriptor keep the socket alive. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeDescriptor(this.fd);
  }
}

/** Not bound to any. `lo` shows each packet twice then, which only a program can tell. */
const ALL_INTERFACES: NetworkInterface = {
  ...{ name: 'all interfaces', index: 0, arphrd: 0xffff, hardware: 'VOID', linkType: 'EN10MB', isLoopback: false },
  ...{ up: true, mtu: 0 },
};

function findInterface(index: number): NetworkInterface {
  if (index === ALL_INTERFACES.index) return ALL_INTERFACES;
  const found = interfaces().find((candidate) => candidate.index === index);
  if (found === undefined) throw interfaceUnknown(index);
  return found;
}

function openSocket(cooked: boolean): number {
  try {
    // Protocol 0: nothing is received before `bind`, where a program is attached already.
    return succeed('socket', libc().socket(AF_PACKET, (cooked ? SOCK_DGRAM : SOCK_RAW) | SOCK_CLOEXEC, 0));
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

function setOption(fd: number, option: number, value: number, level = SOL_PACKET): void {
  const bytes = new Uint8Array(new Int32Array([value]).buffer);
  succeed(`setsockopt ${level} ${option}`, libc().setsockopt(fd, level, option, bytes, bytes.length));
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

/** Whether the interface that a packet socket is bound to was removed. */
export function isInterfaceGone(fd: number): boolean {
  const address = new Uint8Array(SOCKADDR_LL_BYTES);
  succeed('getsockname', libc().getsockname(fd, address, [address.length]));
  // `packet_notifier` sets the index of a removed interface to -1.
  return new DataView(address.buffer).getInt32(4, true) === -1;
}
