/** A packet on its way into a file: where it lies, when it was, how long it was. `PacketCursor` has this shape. */
export interface ExportedPacket {
  readonly atNs: bigint;
  readonly start: number;
  readonly capturedLength: number;
  readonly wireLength: number;
}
