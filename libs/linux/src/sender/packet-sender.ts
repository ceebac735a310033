import { setTimeout as sleep } from 'node:timers/promises';
import { addressOf, closeDescriptor, errno, libc, succeed } from '../calls/libc.js';
import { SystemCallError } from '../calls/system-call-error.js';
import {
  AF_PACKET,
  linkAddress,
  PACKET_QDISC_BYPASS,
  SOCK_CLOEXEC,
  SOCK_RAW,
  SOL_PACKET,
} from '../socket/constants.js';
import { openRefused } from '../socket/refusals.js';
import { duePackets } from './pace.js';
import { PreparedFrames } from './prepared-frames.js';

/** Messages per sendmmsg(2); the kernel takes at most 1024 (UIO_MAXIOV) and cuts the rest. */
const maxBatch = 256;

export interface PacedOptions {
  readonly packetsPerSecond: number;
  /** How many frames in all, going round; by default each once. */
  readonly count?: number;
  readonly signal?: AbortSignal;
}

/**
 * Sends ready-made frames on an interface, link-layer header and all, for tests and benchmarks. The kernel passes them on
 * as they are; only a VLAN tag is understood by the receiving side, as it would be from a wire.
 */
export class PacketSender {
  #isOpen = true;

  private constructor(private readonly fd: number) {}

  /** @throws BpfleetError `CAPTURE_NOT_PERMITTED`; SystemCallError `ENODEV`, `ENXIO` for an unknown interface */
  static open(options: { readonly interfaceIndex: number; readonly bypassQdisc?: boolean }): PacketSender {
    const fd = openSocket();
    try {
      // Protocol 0: the socket receives nothing.
      const address = linkAddress(options.interfaceIndex, 0);
      succeed('bind', libc().bind(fd, address, address.length));
      if (options.bypassQdisc === true) bypassQdisc(fd);
      return new PacketSender(fd);
    } catch (error) {
      closeDescriptor(fd);
      throw error;
    }
  }

  /** Sends the frames as fast as the interface takes them. Answers how many: fewer when its queue is full. */
  send(frames: readonly Uint8Array[]): number {
    const prepared = new PreparedFrames(frames, addressOf);
    let sent = 0;
    while (sent < prepared.count) {
      const accepted = this.sendPrepared(prepared, sent, prepared.count - sent);
      if (accepted === 0) break;
      sent += accepted;
    }
    return sent;
  }

  /**
   * Sends frames at a rate, in bursts of about a millisecond's worth; after a delay it catches up. Answers how many were
   * sent until the count was reached or the signal came.
   */
  async sendPaced(frames: readonly Uint8Array[], options: PacedOptions): Promise<number> {
    const prepared = new PreparedFrames(frames, addressOf);
    const count = options.count ?? prepared.count;
    const begin = process.hrtime.bigint();
    let sent = 0;
    while (sent < count && options.signal?.aborted !== true) {
      let due = Math.min(count, duePackets(process.hrtime.bigint() - begin, options.packetsPerSecond)) - sent;
      while (due > 0) {
        const at = sent % prepared.count;
        const accepted = this.sendPrepared(prepared, at, Math.min(due, prepared.count - at));
        if (accepted === 0) break;
        sent += accepted;
        due -= accepted;
      }
      if (sent < count) await sleep(1);
    }
    return sent;
  }

  /** One sendmmsg(2). Answers how many of the frames it took, 0 when the queue is full (ENOBUFS). */
  sendPrepared(frames: PreparedFrames, from: number, count: number): number {
    const sent = libc().sendmmsg(this.fd, frames.addressOfMessage(from), Math.min(count, maxBatch), 0);
    if (sent >= 0) return sent;
    const error = new SystemCallError('sendmmsg', errno());
    if (error.errno === 'ENOBUFS' || error.errno === 'EAGAIN' || error.errno === 'EINTR') return 0;
    throw error;
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeDescriptor(this.fd);
  }
}

function openSocket(): number {
  try {
    return succeed('socket', libc().socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  } catch (error) {
    throw openRefused(error);
  }
}

function bypassQdisc(fd: number): void {
  const on = new Uint8Array(new Int32Array([1]).buffer);
  succeed('setsockopt PACKET_QDISC_BYPASS', libc().setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, on, on.length));
}
