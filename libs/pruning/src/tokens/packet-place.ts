/** Where a packet lies. `PacketCursor` of `libs/section` has this shape. */
export interface PacketPlace {
  readonly start: number;
  readonly capturedLength: number;
  readonly wireLength: number;
}
