import { byteOption, type EncodedOption, encodeBlock, listOptions, textOption, u32sOption } from './encode-block.js';
import {
  BLOCK,
  BlockType,
  BYTE_ORDER_MAGIC,
  Direction,
  ISB,
  LocalOption,
  MAX_FILTER_BYTES,
  NANOSECOND_RESOLUTION,
  OptionCode,
  padded,
  SNAPLEN_BYTES,
} from './format.js';

/** What made a section: `shb_hardware`, `shb_os`, `shb_userappl`. */
export interface SectionOrigin {
  readonly hardware?: string;
  readonly operatingSystem?: string;
  readonly application?: string;
}

/** What an IDB says. Snaplen and time resolution are the same in all of ours. */
export interface InterfaceDescription {
  readonly name: string;
  readonly linkType: number;
  /** `if_description`: the versions whose packets it holds, `web@3,dns@1`; none for the real interface. */
  readonly description?: string;
  /** `if_filter`: the expression, as libpcap text; left out where it is longer than 16 KiB. */
  readonly filter?: string;
  /** Option 0x8002. */
  readonly digests?: string;
  /** Option 0x8003: for each version, how many packets one stands for; left out where all are 1. */
  readonly samplingWeights?: readonly number[];
  /** Option 0x8005: where its packets went; left out where both ways. */
  readonly direction?: 'in' | 'out';
}

/** Counters of one ISB (4.6). */
export interface InterfaceStatistics {
  /** `isb_ifrecv`: packets that passed the program in the kernel, dropped ones included. */
  readonly received?: number | bigint;
  /** `isb_osdrop`: packets the kernel had no room for. */
  readonly dropped?: number | bigint;
  /** `isb_usrdeliv`: packets this process got. */
  readonly delivered: number | bigint;
  /** `isb_ifdrop`: packets the device lost. */
  readonly droppedByInterface?: number | bigint;
  /** `opt_comment`, why the three above are not known and left out: at most 32 bytes of UTF-8. */
  readonly comment?: string;
}

/** The ledger as canonical JSON: keys in code unit order, no spaces. Equal ledgers are equal bytes. */
export function canonicalLedger(ledger: Readonly<Record<string, string>>): string {
  const members = Object.keys(ledger)
    .sort((a, b) => (a < b ? -1 : 1))
    .map((key) => memberText(key, ledger[key]!));
  return `{${members.join(',')}}`;
}

/** By how much one more member makes a ledger longer, at most: with its comma. */
export const ledgerMemberBytes = (key: string, value: string): number => utf8Bytes(memberText(key, value)) + 1;

const memberText = (key: string, value: string): string => `${JSON.stringify(key)}:${JSON.stringify(value)}`;

const utf8 = new TextEncoder();
const utf8Bytes = (text: string): number => utf8.encode(text).length;

export function originOptions(origin: SectionOrigin): EncodedOption[] {
  const { shb } = OptionCode;
  const options: EncodedOption[] = [];
  if (origin.hardware) options.push(textOption(shb.hardware, origin.hardware));
  if (origin.operatingSystem) options.push(textOption(shb.operatingSystem, origin.operatingSystem));
  if (origin.application) options.push(textOption(shb.application, origin.application));
  return options;
}

/** @param sectionBytes length of what follows the SHB; -1 says unknown (4.1) */
export function encodeSectionHeader(options: readonly EncodedOption[], sectionBytes: number): Uint8Array {
  const body = new Uint8Array(16);
  const view = new DataView(body.buffer);
  view.setUint32(0, BYTE_ORDER_MAGIC, true);
  view.setUint16(4, 1, true);
  view.setBigInt64(8, BigInt(sectionBytes), true);
  return encodeBlock(BlockType.sectionHeader, body, options);
}

export function encodeInterface(description: InterfaceDescription): Uint8Array {
  const body = new Uint8Array(8);
  const view = new DataView(body.buffer);
  view.setUint16(0, description.linkType, true);
  view.setUint32(4, SNAPLEN_BYTES, true);
  const { idb } = OptionCode;
  const options = [textOption(idb.name, description.name)];
  if (description.description) {
    options.push(...listOptions(idb.description, LocalOption.moreDescription, description.description));
  }
  options.push(byteOption(idb.timeResolution, NANOSECOND_RESOLUTION));
  if (description.filter) options.push(filterOption(description.filter));
  if (description.digests) {
    options.push(...listOptions(LocalOption.digests, LocalOption.digests, description.digests));
  }
  if (description.samplingWeights?.some((weight) => weight !== 1)) {
    options.push(u32sOption(LocalOption.samplingWeights, description.samplingWeights));
  }
  if (description.direction) {
    options.push(u32sOption(LocalOption.direction, [Direction[description.direction]]));
  }
  return encodeBlock(BlockType.interfaceDescription, body, options);
}

function filterOption(filter: string): EncodedOption {
  // The first octet is the kind of filter: 0, a libpcap expression (4.2, if_filter).
  const option = textOption(OptionCode.idb.filter, `\0${filter}`);
  const { length } = option.value;
  if (length <= MAX_FILTER_BYTES) return option;
  return textOption(OptionCode.comment, `if_filter of ${length - 1} bytes left out: see the versions’ expressions`);
}

/**
 * Writes an ISB over whatever is there: each section has one, and one put together of encoded options costs ten times as much.
 * @param view has `STATISTICS_BLOCK_BYTES` from `at` on
 * @returns where it ends
 */
export function writeStatistics(
  view: DataView,
  at: number,
  interfaceId: number,
  atNs: bigint,
  { received = 0, droppedByInterface = 0, dropped = 0, delivered, comment }: InterfaceStatistics,
): number {
  const { isb } = OptionCode;
  view.setUint32(at + BLOCK.type, BlockType.interfaceStatistics, true);
  view.setUint32(at + ISB.interfaceId, interfaceId, true);
  // Two words, the high one first, also in a little-endian section.
  view.setUint32(at + ISB.timeHigh, Number(atNs >> 32n), true);
  view.setUint32(at + ISB.timeLow, Number(atNs & 0xffff_ffffn), true);
  let end = at + ISB.options;
  if (comment !== undefined) end = writeText(view, end, OptionCode.comment, comment);
  else {
    end = writeU64(view, end, isb.received, received);
    end = writeU64(view, end, isb.droppedByInterface, droppedByInterface);
    end = writeU64(view, end, isb.dropped, dropped);
  }
  end = writeU64(view, end, isb.delivered, delivered);
  view.setUint32(end, OptionCode.end, true);
  end += 4;
  const length = end + 4 - at;
  view.setUint32(at + BLOCK.length, length, true);
  view.setUint32(end, length, true);
  return end + 4;
}

/** Size of what `writeStatistics` writes, at most: 12 + 12 body, 4 options of 12, opt_endofopt. */
export const STATISTICS_BLOCK_BYTES = 76;

function writeU64(view: DataView, at: number, code: number, number: bigint | number): number {
  view.setUint16(at, code, true);
  view.setUint16(at + 2, 8, true);
  view.setBigUint64(at + 4, BigInt(number), true);
  return at + 12;
}

function writeText(view: DataView, at: number, code: number, text: string): number {
  const bytes = utf8.encode(text);
  const end = at + 4 + padded(bytes.length);
  // Padding must be zero (3.6.2).
  view.setUint32(end - 4, 0, true);
  view.setUint16(at, code, true);
  view.setUint16(at + 2, bytes.length, true);
  for (const [index, byte] of bytes.entries()) view.setUint8(at + 4 + index, byte);
  return end;
}
