import { encodeProgram } from '@bpfleet/bpf';
import { interfaces, type PacketBlock, PacketSocket, withinNetworkNamespace } from '@bpfleet/linux';
import { compile } from '@bpfleet/pcap-filter';

const RING = { blockBytes: 1 << 16, blockCount: 64, blockTimeoutMs: 20, ignoreOutgoing: true };
const ADDRESS_BYTES = 12;

/** A socket with one filter: of what the host receives, it has in its ring what the kernel lets through. */
export class AloneSocket {
  readonly #socket: PacketSocket;
  #read = 0;
  #packets: Uint8Array[] = [];

  constructor(namespacePath: string, device: string) {
    this.#socket = withinNetworkNamespace(namespacePath, () =>
      PacketSocket.open({ ...RING, interfaceIndex: interfaces().find(({ name }) => name === device)!.index }),
    );
  }

  attach(expression: string): void {
    this.#socket.attach(encodeProgram(compile(expression, { live: true }).program));
  }

  /** Since it was opened. */
  get passed(): number {
    const { passed, dropped } = this.#socket.statistics();
    if (dropped > 0) throw new Error('a ring had no room for all packets');
    return passed;
  }

  /** Empties the ring. */
  read(): void {
    const { ring } = this.#socket;
    for (let block = ring.take(); block !== undefined; block = ring.take()) {
      while (block.next()) {
        this.#packets.push(onTheWire(block));
        this.#read++;
      }
      ring.release();
    }
  }

  /** Whether all that passed was read. */
  get isRead(): boolean {
    return this.#read === this.passed;
  }

  /** What was read since it was asked last. */
  take(): readonly Uint8Array[] {
    const packets = this.#packets;
    this.#packets = [];
    return packets;
  }

  close(): void {
    this.#socket.close();
  }
}

/** With the tag where it was, and is stored. */
function onTheWire(block: PacketBlock): Uint8Array {
  const { start, capturedLength, vlanPresent, vlanTpid, vlanTci } = block;
  const bytes = block.bytes.subarray(start, start + capturedLength);
  if (!vlanPresent) return bytes.slice();
  const tag = [vlanTpid >> 8, vlanTpid & 0xff, vlanTci >> 8, vlanTci & 0xff];
  return Uint8Array.from([...bytes.subarray(0, ADDRESS_BYTES), ...tag, ...bytes.subarray(ADDRESS_BYTES)]);
}
