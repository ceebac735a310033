import { type SectionIndex, SectionIndexer } from '@bpfleet/pruning';
import { forEachPacket, PacketFlag, type Section } from '@bpfleet/section';

/** Makes the index of one section after the other. */
export class IndexedSections {
  readonly #indexer = new SectionIndexer();

  /** @param bytes the section, which `readSection` has checked */
  indexOf({ interfaces }: Pick<Section, 'interfaces'>, bytes: Uint8Array): SectionIndex {
    const indexer = this.#indexer;
    const linkTypes = interfaces.map(({ linkType }) => linkType);
    indexer.begin();
    forEachPacket(bytes, (packet) => {
      const isTagPutBack = (packet.flags & PacketFlag.vlanTagWasMetadata) !== 0;
      indexer.add(bytes, packet, linkTypes[packet.interfaceId]!, isTagPutBack);
      return !indexer.isOpaque;
    });
    return indexer.finish();
  }
}
