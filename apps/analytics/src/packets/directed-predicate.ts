import {
  Ancillary,
  BPF,
  isAncillary,
  jitThreeValued,
  type PacketMetadata,
  type Program,
  SKF_AD_OFF,
  UNDECIDED,
  withoutSize,
} from '@bpfleet/bpf';
import { LinkType, linkTypeName } from '@bpfleet/packet';
import { compileWithSets } from '@bpfleet/pcap-filter';
import { type Direction, PACKET_TYPE } from './packet-direction.js';
import type { PacketPredicate, Verdict } from './packet-verdict.js';
import type { StoredPacket } from './stored-packet.js';
import { copyWithoutTag, isTagMetadata, TAG_BYTES, TAG_OFFSET, tagOf } from './vlan-metadata.js';

/** What the kernel knew beside the bytes and the store knows, too. Not which number the interface had. */
const KNOWN: readonly number[] = [
  Ancillary.PKTTYPE,
  Ancillary.VLAN_TAG,
  Ancillary.VLAN_TAG_PRESENT,
  Ancillary.VLAN_TPID,
];

/**
 * Of an expression that has no offline form on a link type, since it asks for the direction (`inbound and tcp`): the live
 * form, with what the interface block says of its packets. Where it says nothing, it is decided what comes out either way.
 * @throws BpfleetError `FILTER_UNSUPPORTED` when there is no live form either
 */
export function directedPredicate(
  expression: string,
  linkType: number,
  direction: Direction | undefined,
): PacketPredicate {
  const isEthernet = linkType === LinkType.EN10MB;
  const { program, sets } = compileWithSets(expression, { linkType: linkTypeName(linkType), live: true });
  if (!metadataOf(program).every((which) => KNOWN.includes(which) || (isEthernet && which === Ancillary.PROTOCOL))) {
    return () => 'undecided';
  }
  const run = jitThreeValued(program, sets);
  const types = direction === undefined ? Object.values(PACKET_TYPE) : [PACKET_TYPE[direction]];
  const view = new KernelView(isEthernet);
  return (bytes, packet) => {
    // Cut inside the tag: what the kernel saw is not known.
    if (isTagMetadata(packet) && packet.capturedLength < TAG_OFFSET + TAG_BYTES) return 'undecided';
    view.look(bytes, packet);
    let verdict: Verdict | undefined;
    for (const type of types) {
      view.metadata.packetType = type;
      const value = run(view.bytes, view.start, view.capturedLength, view.wireLength, view.metadata);
      const one = value === UNDECIDED ? 'undecided' : value === 0 ? 'no' : 'yes';
      if (one === 'undecided' || (verdict ?? one) !== one) return 'undecided';
      verdict = one;
    }
    return verdict ?? 'undecided';
  };
}

/** What a program reads beside the packet, by offset from SKF_AD_OFF. */
function metadataOf(program: Program): number[] {
  const loads = program.filter(({ code, k }) => withoutSize(code) === (BPF.LD | BPF.ABS) && isAncillary(k));
  return loads.map(({ k }) => k - SKF_AD_OFF);
}

/** A packet as the program in the kernel had it. One object for all packets. */
class KernelView {
  bytes: Uint8Array = new Uint8Array();
  start = 0;
  capturedLength = 0;
  wireLength = 0;
  readonly metadata: { -readonly [Name in keyof PacketMetadata]: PacketMetadata[Name] };
  #stripped = new Uint8Array(2048);

  constructor(private readonly isEthernet: boolean) {
    const noTag = { vlanTagPresent: false, vlanTci: 0, vlanProtocol: 0 };
    const beside = { protocol: 0, packetType: 0, interfaceIndex: 0, ...noTag };
    this.metadata = isEthernet ? { ...beside, networkOffset: 14 } : beside;
  }

  look(bytes: Uint8Array, packet: StoredPacket): void {
    this.start = packet.start;
    this.capturedLength = packet.capturedLength;
    this.wireLength = packet.wireLength;
    this.bytes = bytes;
    if (isTagMetadata(packet)) this.#stripTag(packet);
    else if (this.isEthernet) {
      this.metadata.vlanTagPresent = false;
      this.metadata.vlanTci = 0;
      this.metadata.vlanProtocol = 0;
      const isTold = packet.capturedLength >= TAG_OFFSET + 2;
      const at = packet.start + TAG_OFFSET;
      this.metadata.protocol = isTold ? (bytes[at]! << 8) | bytes[at + 1]! : 0;
    }
  }

  #stripTag(packet: StoredPacket): void {
    const capturedLength = packet.capturedLength - TAG_BYTES;
    if (this.#stripped.length < capturedLength) this.#stripped = new Uint8Array(2 * capturedLength);
    copyWithoutTag(this.bytes, packet, this.#stripped);
    Object.assign(this.metadata, tagOf(this.bytes, packet.start));
    this.bytes = this.#stripped;
    this.start = 0;
    this.capturedLength = capturedLength;
    this.wireLength = packet.wireLength - TAG_BYTES;
  }
}
