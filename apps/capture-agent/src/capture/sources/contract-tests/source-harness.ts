import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { interfaces, PacketSender, withinNetworkNamespace } from '@bpfleet/linux';
import { LinkType } from '@bpfleet/packet';
import { forEachPacket, readSection, type SectionInterface, writePcapHeader, writePcapPacket } from '@bpfleet/section';
import type { Host, Hosts } from '@bpfleet/test-environment';
import { type ChosenSource, capSource, fileSource } from '../../../choose-source.js';
import { AgentConfig } from '../../../config.js';
import { CaptureRig } from '../../../testing/capture-rig.js';
import type { TestFilter } from '../../../testing/signing-service.js';
import { readRecording } from '../../read-recording.js';
import { CapSource } from '../cap-source.js';
import type { Stored } from './expected-packets.js';

export type SourceKind = 'ring' | 'file' | 'cap';

/** Everything that is stored of a packet, and where it is said to come from. */
export interface StoredPacket extends Stored {
  readonly atNs: bigint;
  readonly block: SectionInterface;
}

/** When the first packet of a recording was captured, and how far apart all are. */
export const RECORDED_AT_NS = 1_700_000_000_000_000_123n;
export const RECORDED_APART_NS = 1_000n;

/** One kind of source on a test host, and frames for it: by a cable, or in a capture file. */
export class SourceHarness {
  rig!: CaptureRig;
  #wire: PacketSender | undefined;
  readonly #folder = mkdtempSync(join(tmpdir(), 'bpfleet-source-'));
  #filters: readonly TestFilter[] = [];

  constructor(
    readonly kind: SourceKind,
    private readonly hosts: Hosts,
    readonly host: Host,
  ) {}

  /**
   * Starts the source with these filters. A file gives its frames then; to the others they are sent.
   * @param excluded connections that are bpfleet's own
   */
  async capture(
    frames: readonly Uint8Array[],
    filters: readonly TestFilter[],
    excluded: readonly { readonly address: string; readonly port: number }[] = [],
  ): Promise<readonly { readonly filter: string; readonly state: string }[]> {
    for (const { namespacePath } of [this.host, this.hosts.hub]) {
      // What either end says by itself is no frame of ours.
      withinNetworkNamespace(namespacePath, () => writeFileSync('/proc/sys/net/ipv6/conf/all/disable_ipv6', '1'));
    }
    this.#wire = this.hosts.inside(this.hosts.hub, () =>
      PacketSender.open({ interfaceIndex: interfaces().find(({ name }) => name === this.host.name)!.index }),
    );
    this.rig = new CaptureRig(this.host.namespacePath, await this.#chosen(frames));
    await this.rig.start();
    this.#filters = filters;
    const order = { ...this.rig.service.desire(filters), excluded };
    const { outcomes } = await this.rig.desire(order);
    await this.ready();
    if (this.kind !== 'file') this.send(frames);
    return outcomes;
  }

  /** From here on packets that come are read. */
  async ready(): Promise<void> {
    const { source } = this.rig;
    if (source instanceof CapSource) await this.rig.until('cap to read', () => source.reads.includes('eth0'));
  }

  send(frames: readonly Uint8Array[]): void {
    for (let sent = 0; sent < frames.length; ) sent += this.#wire!.send(frames.slice(sent, sent + 200));
  }

  /** What is stored, once the filters together matched as often as they should. */
  async stored(matches: number): Promise<StoredPacket[]> {
    await this.rig.until(`${matches} matches of ${this.#filters.length} filters`, async () => {
      const { versions } = await this.rig.source.counters();
      return versions.reduce((sum, { matched }) => sum + matched, 0) >= matches;
    });
    // The open section is closed when its window is over.
    const kept = (await this.rig.source.counters()).versions.reduce((sum, { stored }) => sum + stored, 0);
    const found = (packets: readonly StoredPacket[]) =>
      packets.reduce((sum, { versions }) => sum + versions.split(',').length, 0);
    let packets: StoredPacket[] = [];
    await this.rig.until('sections to be spooled', async () => {
      packets = (await this.rig.read()).flatMap(({ bytes }) => packetsOf(bytes));
      return found(packets) >= kept;
    });
    return packets;
  }

  async stop(): Promise<void> {
    this.#wire?.close();
    await this.rig?.stop();
    rmSync(this.#folder, { recursive: true });
  }

  async #chosen(frames: readonly Uint8Array[]): Promise<ChosenSource | undefined> {
    switch (this.kind) {
      case 'ring':
        return undefined;
      case 'cap':
        return capSource({ ...AgentConfig.parse({}), agentAllowCap: true });
      case 'file': {
        const file = join(this.#folder, 'frames.pcap');
        writeFileSync(file, recordingOf(frames));
        return fileSource(await readRecording(file), { speed: 'full', times: 'recorded', repeat: false });
      }
    }
  }
}

function recordingOf(frames: readonly Uint8Array[]): Uint8Array {
  const records = frames.map((frame, index) =>
    writePcapPacket(frame, {
      ...{ start: 0, capturedLength: frame.length, wireLength: frame.length },
      atNs: RECORDED_AT_NS + BigInt(index) * RECORDED_APART_NS,
    }),
  );
  return Buffer.concat([writePcapHeader(LinkType.EN10MB), ...records]);
}

function packetsOf(bytes: Uint8Array): StoredPacket[] {
  const { interfaces: blocks } = readSection(bytes);
  const packets: StoredPacket[] = [];
  forEachPacket(bytes, ({ interfaceId, start, capturedLength, wireLength, atNs }) => {
    const block = blocks[interfaceId]!;
    packets.push({
      ...{ wireLength, atNs, block, versions: block.description ?? '' },
      bytes: Buffer.from(bytes.subarray(start, start + capturedLength)).toString('hex'),
    });
    return true;
  });
  return packets;
}
