/** A packet on its way into a file: where it lies, when it was, how long it was. `PacketCursor` has this shape. */
export interface ExportedPacket {
  readonly atNs: bigint;
  readonly start: number;
  readonly capturedLength: number;
  readonly wireLength: number;
}

/** Where a packet is written: `at` in the bytes, which the view shows, too. */
export interface WritePlace {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly at: number;
}
