export { CaptureFileReader, readCapture, readCaptureStream } from './capture-file/capture-file-reader.js';
export type { CapturedPacket } from './capture-file/captured-packet.js';
export {
  canonicalLedger,
  encodeInterface,
  type InterfaceDescription,
  type InterfaceStatistics,
  ledgerMemberBytes,
  type SectionOrigin,
} from './describe.js';
export type { ExportedPacket, WritePlace } from './export/exported-packet.js';
export { idleBlock, withComments } from './export/live-blocks.js';
export { pcapPacketBytes, placePcapPacket, writePcapHeader, writePcapPacket } from './export/pcap-export.js';
export {
  type ExportedInterface,
  PcapngExport,
  type PcapngExportOptions,
  pcapngPacketBytes,
  writePcapngPacket,
} from './export/pcapng-export.js';
export { forEachPacket, PacketCursor } from './for-each-packet.js';
export { BLOCK, BlockType, EPB, LocalOption, PacketFlag, padded, SNAPLEN_BYTES } from './format.js';
export {
  readSection,
  type Section,
  type SectionInterface,
  SectionReading,
  type SectionStatistics,
  type SectionVisitor,
  scanSection,
} from './read-section.js';
export { SectionWriter, type SectionWriterOptions, sectionOf, type VlanTag } from './section-writer.js';
