/** Packets on their way between two processes of this host: byte offsets of what stands before each, little-endian. */
const FRAME = { sizeBytes: 0, device: 4, atUs: 8, bytes: 16 } as const;
/** One write for many packets; the largest one fits. */
const BATCH_BYTES = 256 * 1024;

/** Collects packets; the batch is written when it is full, or when asked. */
export class PacketFrameWriter {
  readonly #batch = new Uint8Array(BATCH_BYTES);
  readonly #view = new DataView(this.#batch.buffer);
  #endBytes = 0;

  /** @param write takes all of it before it returns: the memory is used again */
  constructor(private readonly write: (bytes: Uint8Array) => void) {}

  get isEmpty(): boolean {
    return this.#endBytes === 0;
  }

  add(device: number, atUs: number, packet: Uint8Array): void {
    if (this.#endBytes + FRAME.bytes + packet.length > BATCH_BYTES) this.flush();
    const at = this.#endBytes;
    this.#view.setUint32(at + FRAME.sizeBytes, packet.length, true);
    this.#view.setUint32(at + FRAME.device, device, true);
    this.#view.setFloat64(at + FRAME.atUs, atUs, true);
    this.#batch.set(packet, at + FRAME.bytes);
    this.#endBytes = at + FRAME.bytes + packet.length;
  }

  flush(): void {
    if (this.isEmpty) return;
    this.write(this.#batch.subarray(0, this.#endBytes));
    this.#endBytes = 0;
  }
}

/** The other end: takes what arrives in whatever pieces. */
export class PacketFrameReader {
  /** The beginning of a packet whose end has not come. */
  #rest: Uint8Array = new Uint8Array(0);

  /** @param visit gets bytes that are valid during the call */
  constructor(private readonly visit: (device: number, atUs: number, packet: Uint8Array) => void) {}

  push(piece: Uint8Array): void {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (at + FRAME.bytes <= bytes.length) {
      const endBytes = at + FRAME.bytes + view.getUint32(at + FRAME.sizeBytes, true);
      if (endBytes > bytes.length) break;
      const device = view.getUint32(at + FRAME.device, true);
      this.visit(device, view.getFloat64(at + FRAME.atUs, true), bytes.subarray(at + FRAME.bytes, endBytes));
      at = endBytes;
    }
    this.#rest = bytes.slice(at);
  }
}
