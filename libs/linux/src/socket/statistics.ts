import { libc, succeed } from '../calls/libc.js';
import { PACKET_STATISTICS, SOL_PACKET } from './constants.js';

/** What the kernel counted on a packet socket. */
export interface SocketCounters {
  /** Packets the program accepted, those that were then dropped included. */
  passed: number;
  /** Of these, packets that found no room in the ring. */
  dropped: number;
  /** How often the ring was full: a row of drops counts once. */
  freezes: number;
}

/** Adds up `struct tpacket_stats_v3`, include/uapi/linux/if_packet.h, which the kernel clears at each read. */
export class SocketStatistics {
  readonly #total: SocketCounters = { passed: 0, dropped: 0, freezes: 0 };
  readonly #counters = new Uint32Array(3);
  readonly #bytes = new Uint8Array(this.#counters.buffer);

  constructor(private readonly fd: number) {}

  read(): SocketCounters {
    const result = libc().getsockopt(this.fd, SOL_PACKET, PACKET_STATISTICS, this.#bytes, [this.#bytes.length]);
    succeed('getsockopt PACKET_STATISTICS', result);
    // `packet_getsockopt` adds tp_drops to tp_packets before it answers.
    this.#total.passed += this.#counters[0]!;
    this.#total.dropped += this.#counters[1]!;
    this.#total.freezes += this.#counters[2]!;
    return { ...this.#total };
  }

  /** What passed before was another reader's, but for these packets. What was dropped nobody has heard of yet. */
  begin(unread: number): void {
    this.#total.passed = unread + this.read().dropped;
  }

  /** Starts again from 0. */
  reset(): void {
    this.read();
    this.#total.passed = 0;
    this.#total.dropped = 0;
    this.#total.freezes = 0;
  }
}
