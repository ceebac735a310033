import { BpfleetError } from '@bpfleet/errors';
import { linkTypeName } from '@bpfleet/packet';
import {
  encodeInterface,
  encodeSectionHeader,
  type InterfaceDescription,
  originOptions,
  type SectionOrigin,
} from '../describe.js';
import { BLOCK, BlockType, EPB, padded } from '../format.js';
import type { ExportedPacket, WritePlace } from './exported-packet.js';

export interface PcapngExportOptions extends SectionOrigin {
  /** Several link types in one file: Wireshark reads it, `tcpdump -r` stops with an error. */
  readonly mixed?: boolean;
}

/** What an export keeps of an interface. */
export type ExportedInterface = Pick<InterfaceDescription, 'name' | 'linkType' | 'description'>;

/**
 * Writes one pcapng file of packets from many sections, in pieces for a stream. Interfaces may be added as they are
 * met (4.2: an IDB has to stand before the first packet that names it). Our local options do not leave the product.
 */
export class PcapngExport {
  #interfaces = 0;
  #linkType: number | undefined;

  constructor(private readonly options: PcapngExportOptions = {}) {}

  /** The SHB, of unknown length because the file is streamed, and the IDBs known by now, with ids from 0. */
  header(interfaces: readonly ExportedInterface[] = []): Uint8Array {
    const head = encodeSectionHeader(originOptions(this.options), -1);
    return concatenate([head, ...interfaces.map((one) => this.addInterface(one).block)]);
  }

  /**
   * The IDB of one more interface, and the id that its packets carry.
   * @throws BpfleetError `SEVERAL_LINK_TYPES` when it differs from the others' and `mixed` was not asked for
   */
  addInterface({ name, linkType, description }: ExportedInterface): { id: number; block: Uint8Array } {
    this.#linkType ??= linkType;
    if (this.#linkType !== linkType && !this.options.mixed) {
      throw new BpfleetError(
        'SEVERAL_LINK_TYPES',
        `packets of ${linkTypeName(this.#linkType)} and ${linkTypeName(linkType)} in one file`,
        {
          hint: `choose one with linktype=${linkTypeName(linkType)}, or mixed=true for a file that only Wireshark reads`,
        },
      );
    }
    const block = encodeInterface({ name, linkType, ...(description === undefined ? {} : { description }) });
    return { id: this.#interfaces++, block };
  }

  /** One EPB, a copy. */
  packet(interfaceId: number, bytes: Uint8Array, packet: ExportedPacket): Uint8Array {
    const block = new Uint8Array(pcapngPacketBytes(packet));
    writePcapngPacket({ bytes: block, view: new DataView(block.buffer), at: 0 }, interfaceId, bytes, packet);
    return block;
  }
}

/** Length of the EPB of a packet. */
export const pcapngPacketBytes = ({ capturedLength }: Pick<ExportedPacket, 'capturedLength'>): number =>
  EPB.data + padded(capturedLength) + 4;

/** Writes one EPB where there is room for `pcapngPacketBytes`, whatever was there. */
export function writePcapngPacket(
  { bytes: target, view, at }: WritePlace,
  interfaceId: number,
  bytes: Uint8Array,
  { atNs, start, capturedLength, wireLength }: ExportedPacket,
): void {
  const end = at + EPB.data + padded(capturedLength);
  const length = end + 4 - at;
  view.setUint32(at + BLOCK.type, BlockType.enhancedPacket, true);
  view.setUint32(at + BLOCK.length, length, true);
  view.setUint32(at + EPB.interfaceId, interfaceId, true);
  view.setUint32(at + EPB.timeHigh, Number(atNs >> 32n), true);
  view.setUint32(at + EPB.timeLow, Number(atNs & 0xffff_ffffn), true);
  view.setUint32(at + EPB.captured, capturedLength, true);
  view.setUint32(at + EPB.wire, wireLength, true);
  target.fill(0, at + EPB.data + capturedLength, end);
  target.set(bytes.subarray(start, start + capturedLength), at + EPB.data);
  view.setUint32(end, length, true);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
