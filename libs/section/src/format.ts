/** Block types: draft-ietf-opsawg-pcapng 4.1 to 4.6, Appendix A (`packet` is obsolete, still read). */
export const BlockType = {
  sectionHeader: 0x0a0d0d0a,
  interfaceDescription: 1,
  packet: 2,
  simplePacket: 3,
  nameResolution: 4,
  interfaceStatistics: 5,
  enhancedPacket: 6,
} as const;

export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** Byte offsets from a block's start. */
export const BLOCK = { type: 0, length: 4, body: 8, smallest: 12 } as const;
export const SHB = { magic: 8, major: 12, minor: 14, sectionLength: 16, options: 24 } as const;
export const IDB = { linkType: 8, snaplen: 12, options: 16 } as const;
export const ISB = { interfaceId: 8, timeHigh: 12, timeLow: 16, options: 20 } as const;
export const EPB = { interfaceId: 8, timeHigh: 12, timeLow: 16, captured: 20, wire: 24, data: 28 } as const;
export const SPB = { wire: 8, data: 12 } as const;
/** The obsolete Packet Block (Appendix A): 16-bit interface id, then the drop count, then as the EPB. */
export const PB = { interfaceId: 8, timeHigh: 12, timeLow: 16, captured: 20, wire: 24, data: 28 } as const;

/** Option codes, per block type (3.5, 4.1, 4.2, 4.3, 4.6). */
export const OptionCode = {
  end: 0,
  comment: 1,
  shb: { hardware: 2, operatingSystem: 3, application: 4 },
  idb: { name: 2, description: 3, timeResolution: 9, filter: 11, timeOffset: 14 },
  epb: { flags: 2 },
  isb: { received: 4, droppedByInterface: 5, dropped: 7, delivered: 8 },
} as const;

/**
 * Our own options. Codes with the top bit set are "reserved for local use" (3.5): plain type, length, value without a
 * Private Enterprise Number, which only the registered codes 2988, 2989, 19372 and 19373 carry.
 */
export const LocalOption = {
  /** SHB: the ledger, canonical JSON with counters as decimal strings. */
  ledger: 0x8001,
  /**
   * IDB: digests of the versions in `if_description`, in the same order, joined by commas. Several of these options are one list:
   * an option has at most 65,535 bytes.
   */
  digests: 0x8002,
  /** IDB: u32 per version in `if_description`, in the same order: one packet stands for so many. Absent when all are 1. */
  samplingWeights: 0x8003,
  /** EPB: u32, bits of `PacketFlag`; absent when 0. */
  flags: 0x8004,
  /** IDB: u32, `Direction` of its packets; absent when both or unknown. */
  direction: 0x8005,
  /** IDB: goes on where `if_description`, which a block has once, had no room for more of its list. May come several times. */
  moreDescription: 0x8006,
} as const;

/** Values of option 0x8005: those of the two lowest bits of `epb_flags` (4.3.1), which cost 8 bytes per packet. */
export const Direction = { in: 1, out: 2 } as const;

/** Bits of an EPB's option 0x8004. */
export const PacketFlag = {
  /** The VLAN tag came as metadata of the ring and was put back into the bytes. */
  vlanTagWasMetadata: 1,
  /** The kernel had merged several frames into this one (GRO). */
  aggregated: 2,
  /** Bytes were missing to say which filters matched. */
  attributionUndecided: 4,
} as const;

/** Every IDB says this, whatever was cut: `tcpdump -r` stops at a file of mixed snaplens. libpcap's MAXIMUM_SNAPLEN. */
export const SNAPLEN_BYTES = 262_144;

/** `if_tsresol`: 10^-9 s. */
export const NANOSECOND_RESOLUTION = 9;

/** An option's length is 16 bits (3.5). */
export const MAX_OPTION_BYTES = 65_535;

/** A longer `if_filter` is left out, and a comment says so: it would stand in every section, and its filter's version has it. */
export const MAX_FILTER_BYTES = 16_384;

/** Rounded up to the 32-bit boundary that every block, packet and option ends on (3.6.2). */
export const padded = (lengthBytes: number): number => (lengthBytes + 3) & ~3;
