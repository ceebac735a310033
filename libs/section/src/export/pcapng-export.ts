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
import type { ExportedPacket } from './exported-packet.js';

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
    const length = EPB.data + padded(packet.capturedLength) + 4;
    const block = new Uint8Array(length);
    const view = new DataView(block.buffer);
    view.setUint32(BLOCK.type, BlockType.enhancedPacket, true);
    view.setUint32(BLOCK.length, length, true);
    view.setUint32(EPB.interfaceId, interfaceId, true);
    view.setUint32(EPB.timeHigh, Number(packet.atNs >> 32n), true);
    view.setUint32(EPB.timeLow, Number(packet.atNs & 0xffff_ffffn), true);
    view.setUint32(EPB.captured, packet.capturedLength, true);
    view.setUint32(EPB.wire, packet.wireLength, true);
    block.set(bytes.subarray(packet.start, packet.start + packet.capturedLength), EPB.data);
    view.setUint32(length - 4, length, true);
    return block;
  }
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
