import { BpfleetError } from '@bpfleet/errors';

/** A packet of a capture file. */
export interface CapturedPacket {
  /** Unix time in ns, 2^63-1 for all that is later; 0 for a pcapng Simple Packet Block, which has no time. */
  readonly atNs: bigint;
  /** LINKTYPE_ number. */
  readonly linkType: number;
  /** A view, valid until the reader is given its next chunk. */
  readonly bytes: Uint8Array;
  readonly wireLength: number;
  /** `if_name` of pcapng; undefined for pcap. */
  readonly interfaceName: string | undefined;
  /** The two lowest bits of pcapng's `epb_flags` or `pack_flags`; undefined where a file does not tell. */
  readonly direction: 'in' | 'out' | undefined;
}

/** A format's decoder: the reader around it collects whole records. */
export interface RecordDecoder {
  /**
   * Length of the record at `at`, known from its first bytes; of those `headerBytes` are there.
   * @throws BpfleetError `CAPTURE_FILE_CORRUPT`
   */
  recordBytes(view: DataView, at: number, fileOffset: number): number;
  /** How many bytes `recordBytes` has to see. */
  readonly headerBytes: number;
  /** Decodes the whole record; undefined when it is not a packet. */
  decode(bytes: Uint8Array, view: DataView, at: number, length: number, fileOffset: number): CapturedPacket | undefined;
}

export function corruptFile(fileOffset: number, what: string, hint?: string): BpfleetError {
  const message = `capture file, byte ${fileOffset}: ${what}`;
  return new BpfleetError('CAPTURE_FILE_CORRUPT', message, hint === undefined ? {} : { hint });
}

/** Whole, as far as anybody knows here: no tool repairs it. */
export const OTHER_VERSION = 'open it with what wrote it, and save it as pcapng';

/** More than any link carries, and what Wireshark believes of a block: a wrong length must not become an allocation. */
export const MAX_BLOCK_BYTES = 16 * 1024 * 1024;

/** LINKTYPE_RAW is 101; some systems write their DLT_RAW instead, 12 or 14 (tcpdump.org, link-layer header types). */
export const normalLinkType = (linkType: number): number => (linkType === 12 || linkType === 14 ? 101 : linkType);

const LAST_NS = 2n ** 63n - 1n;

/**
 * A time as stores and formats keep it, a signed 64-bit count of ns: one past 2262 becomes the last there is, since one
 * packet whose time is nonsense must not cost the others.
 * @throws BpfleetError `CAPTURE_FILE_CORRUPT` before 1970
 */
export function storableNs(atNs: bigint, fileOffset: number): bigint {
  if (atNs < 0n) throw corruptFile(fileOffset, 'packet time before 1970');
  return atNs > LAST_NS ? LAST_NS : atNs;
}
