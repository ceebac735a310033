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
 * host a packet was captured and for which filter.
 */
export class PcapngFile implements CaptureFile {
  readonly extension = 'pcapng';
  readonly #file = new PcapngExport({ application: 'bpfleet' });
  readonly #ids = new Map<string, number>();

  header(): Uint8Array {
    return this.#file.header();
  }

  packet(packet: MatchedPacket): readonly Uint8Array[] {
    const { section, interface: described } = packet;
    const key = JSON.stringify([section.agent, described.name, described.linkType, described.filters]);
    const known = this.#ids.get(key);
    if (known !== undefined) return [this.#file.packet(known, section.body, packet)];
    const { id, block } = this.#file.addInterface({
      name: described.name,
      linkType: described.linkType,
      description: describe(section.agent, described),
    });
    this.#ids.set(key, id);
    return [block, this.#file.packet(id, section.body, packet)];
  }
}

/** `host-1 eth0 web@3,dns@1` */
const describe = (agent: string, { name, filters }: OpenInterface): string =>
  [agent, name, filters.join(',')].filter((part) => part !== '').join(' ');

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
