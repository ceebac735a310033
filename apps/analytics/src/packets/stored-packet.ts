/** Where a stored packet lies. `PacketCursor` has this shape. */
export interface StoredPacket {
  readonly start: number;
  readonly capturedLength: number;
  readonly wireLength: number;
  /** Bits of `PacketFlag`. */
  readonly flags: number;
}
