import { BpfleetError } from '@bpfleet/errors';
import {
  PcapngExport,
  pcapngPacketBytes,
  pcapPacketBytes,
  placePcapPacket,
  type WritePlace,
  writePcapHeader,
  writePcapngPacket,
} from '@bpfleet/section';
import type { MatchedPacket, OpenInterface } from './packet-scan.js';

/**
 * Makes one capture file piece by piece: `header` first, then for each packet, in time order, what has to stand before it,
 * and the packet itself.
 */
export interface CaptureFile {
  readonly extension: string;
  /** @param linkType of all its packets; undefined: of several, which pcapng alone can hold */
  header(linkType: number | undefined): Uint8Array;
  /** Undefined: nothing. */
  before(packet: MatchedPacket): Uint8Array | undefined;
  sizeBytes(packet: MatchedPacket): number;
  /** @param place with room for `sizeBytes`; whatever is there is overwritten */
  write(place: WritePlace, packet: MatchedPacket): void;
}

/**
 * pcapng. Each (agent, interface, versions) is an interface of the file, described so that Wireshark shows on which
 * host a packet was captured and for which filter: `host-1 eth0 web@3,dns@1`.
 */
export class PcapngFile implements CaptureFile {
  readonly extension = 'pcapng';
  readonly #file: PcapngExport;
  /** By what the file says of an interface. */
  readonly #ids = new Map<string, number>();
  /** The same by the interface of one section: found without a text per packet. */
  readonly #known = new WeakMap<OpenInterface, number>();

  /** @param mixed whether it may hold several link types, which only Wireshark reads */
  constructor({ mixed = false } = {}) {
    this.#file = new PcapngExport({ application: 'bpfleet', mixed });
  }

  header(): Uint8Array {
    return this.#file.header();
  }

  /** The block of its interface, when that is new. */
  before(packet: MatchedPacket): Uint8Array | undefined {
    if (this.#known.has(packet.interface)) return undefined;
    const { id, block } = this.#add(packet.section.agent, packet.interface);
    this.#known.set(packet.interface, id);
    return block;
  }

  sizeBytes(packet: MatchedPacket): number {
    return pcapngPacketBytes(packet);
  }

  write(place: WritePlace, packet: MatchedPacket): void {
    writePcapngPacket(place, this.#known.get(packet.interface)!, packet.section.body, packet);
  }

  /** The interface's id in this file, and its block when it is new. */
  #add(agent: string, { name, linkType, filters }: OpenInterface): { id: number; block: Uint8Array | undefined } {
    const description = [agent, name, filters.join(',')].filter((part) => part !== '').join(' ');
    const key = JSON.stringify([name, linkType, description]);
    const known = this.#ids.get(key);
    if (known !== undefined) return { id: known, block: undefined };
    const { id, block } = this.#file.addInterface({ name, linkType, description });
    this.#ids.set(key, id);
    return { id, block };
  }
}

/** Classic pcap with ns times, for tools that read nothing else: it has no room for agents and interfaces. */
export class PcapFile implements CaptureFile {
  readonly extension = 'pcap';

  header(linkType: number | undefined): Uint8Array {
    if (linkType === undefined) throw new BpfleetError('SEVERAL_LINK_TYPES', 'a pcap file has one link type');
    return writePcapHeader(linkType);
  }

  before(): undefined {
    return undefined;
  }

  sizeBytes(packet: MatchedPacket): number {
    return pcapPacketBytes(packet);
  }

  write(place: WritePlace, packet: MatchedPacket): void {
    placePcapPacket(place, packet.section.body, packet);
  }
}
