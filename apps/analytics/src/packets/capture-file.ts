import { PcapngExport, writePcapHeader, writePcapPacket } from '@bpfleet/section';
import type { MatchedPacket, OpenInterface } from './packet-scan.js';

/** Makes one capture file piece by piece: `header` first, then each packet in time order. All of one link type. */
export interface CaptureFile {
  readonly extension: string;
  header(linkType: number): Uint8Array;
  packet(packet: MatchedPacket): readonly Uint8Array[];
}

/**
 * pcapng. Each (agent, interface, versions) is an interface of the file, described so that Wireshark shows on which
 * host a packet was captured and for which filter: `host-1 eth0 web@3,dns@1`.
 */
export class PcapngFile implements CaptureFile {
  readonly extension = 'pcapng';
  readonly #file = new PcapngExport({ application: 'bpfleet' });
  /** By what the file says of an interface. */
  readonly #ids = new Map<string, number>();
  /** The same by the interface of one section: found without a text per packet. */
  readonly #known = new WeakMap<OpenInterface, number>();

  header(): Uint8Array {
    return this.#file.header();
  }

  packet(packet: MatchedPacket): readonly Uint8Array[] {
    const { section } = packet;
    const known = this.#known.get(packet.interface);
    if (known !== undefined) return [this.#file.packet(known, section.body, packet)];
    const { id, blocks } = this.#add(section.agent, packet.interface);
    this.#known.set(packet.interface, id);
    return [...blocks, this.#file.packet(id, section.body, packet)];
  }

  /** The interface's id in this file, and its block when it is new. */
  #add(agent: string, { name, linkType, filters }: OpenInterface): { id: number; blocks: readonly Uint8Array[] } {
    const description = [agent, name, filters.join(',')].filter((part) => part !== '').join(' ');
    const key = JSON.stringify([name, linkType, description]);
    const known = this.#ids.get(key);
    if (known !== undefined) return { id: known, blocks: [] };
    const { id, block } = this.#file.addInterface({ name, linkType, description });
    this.#ids.set(key, id);
    return { id, blocks: [block] };
  }
}

/** Classic pcap with ns times, for tools that read nothing else: it has no room for agents and interfaces. */
export class PcapFile implements CaptureFile {
  readonly extension = 'pcap';

  header(linkType: number): Uint8Array {
    return writePcapHeader(linkType);
  }

  packet(packet: MatchedPacket): readonly Uint8Array[] {
    return [writePcapPacket(packet.section.body, packet)];
  }
}
