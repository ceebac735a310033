import { FakeRing, type PacketBlock } from '@bpfleet/linux';

/** A ring that is never read to its end while the flood lasts: as a block is taken, the next one comes. */
export class FloodedRing extends FakeRing {
  isFlooded = false;
  /** Blocks of one packet each. */
  blocks = 0;

  /** @param onBlock what passes meanwhile: time */
  constructor(
    private readonly mark: number,
    private readonly onBlock: () => void,
  ) {
    super({ blockBytes: 1 << 16, blockCount: 8 });
  }

  override take(): PacketBlock | undefined {
    if (this.isFlooded) {
      this.push([{ bytes: new Uint8Array(60).fill(this.mark) }]);
      this.blocks++;
      this.onBlock();
    }
    return super.take();
  }
}
