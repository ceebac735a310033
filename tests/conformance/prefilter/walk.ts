import type { Packet } from '@bpfleet/bpf';
import { type PrefilterToken, printToken } from '@bpfleet/pcap-filter';
import type { LinkForm } from '../link-types.js';

/** No more tokens than `PrefilterToken` asks an index for: those of the headers that the language reaches, and no others. */
export function tokensOf(packet: Packet, form: LinkForm): ReadonlySet<string> {
  const walk = new Walk(packet.bytes.subarray(packet.start, packet.start + packet.capturedLength));
  walk.link(form);
  if (packet.metadata?.vlanTagPresent) walk.tag(packet.metadata.vlanTci);
  return walk.tokens;
}

const VLAN_TYPES = [0x8100, 0x88a8, 0x9100];
const WITH_PORTS = [6, 17, 132];
/** Hop-by-hop, routing, fragment, destination options. */
const OPTIONS = [0, 43, 44, 60];
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const PPP: ReadonlyMap<number, number> = new Map([
  [0x21, 0x0800],
  [0x57, 0x86dd],
  [0x281, 0x8847],
]);

class Walk {
  readonly tokens = new Set<string>();

  constructor(private readonly bytes: Uint8Array) {}

  link({ linkType }: LinkForm): void {
    switch (linkType) {
      case 'EN10MB':
        this.#ethernet(0);
        break;
      case 'LINUX_SLL':
        this.#carried(this.#u16(14), 16);
        break;
      case 'LINUX_SLL2':
        this.#carried(this.#u16(0), 20);
        break;
      case 'RAW':
        this.#byVersion(0);
        break;
      case 'IPV4':
        this.#carried(0x0800, 0);
        break;
      case 'IPV6':
        this.#carried(0x86dd, 0);
        break;
      case 'NULL':
      case 'LOOP':
        this.#loopback(linkType === 'NULL');
        break;
      case 'PPP':
        this.#ppp(2);
        break;
      default:
        this.#wireless(linkType === 'IEEE802_11_RADIO');
    }
  }

  /** Beside the bytes. */
  tag(tci: number): void {
    this.#add({ kind: 'vlan', id: tci & 0xfff });
    this.#add({ kind: 'ethertype', value: 0x8100 });
  }

  #ethernet(at: number): void {
    this.#mac(at);
    this.#mac(at + 6);
    this.#carried(this.#u16(at + 12), at + 14);
  }

  #carried(type: number, at: number): void {
    if (at > this.bytes.length) return;
    this.#add({ kind: 'ethertype', value: type });
    if (type === 0x0800) this.#ipv4(at);
    else if (type === 0x86dd) this.#ipv6(at);
    else if (type === 0x0806 || type === 0x8035) for (const by of [14, 24]) this.#address4(at + by);
    else if (type === 0x8847) this.#mpls(at);
    else if (type === 0x8864) this.#ppp(at + 6);
    else if (VLAN_TYPES.includes(type)) {
      this.#add({ kind: 'vlan', id: this.#u16(at) & 0xfff });
      this.#carried(this.#u16(at + 2), at + 4);
    }
  }

  #ppp(at: number): void {
    const type = this.#u16(at);
    this.#add({ kind: 'ethertype', value: type });
    this.#carried(PPP.get(type) ?? type, at + 2);
  }

  #loopback(isEitherOrder: boolean): void {
    const family = this.#u32(0);
    const turned = isEitherOrder
      ? ((family & 0xff) << 24) | ((family & 0xff00) << 8) | (this.#u8(1) << 8) | this.#u8(0)
      : 0;
    const families = [family, turned >>> 0];
    if (families.includes(2)) this.#carried(0x0800, 4);
    if ([24, 28, 30].some((one) => families.includes(one))) this.#carried(0x86dd, 4);
  }

  #byVersion(at: number): void {
    const version = this.#u8(at) >> 4;
    if (version === 4) this.#carried(0x0800, at);
    if (version === 6) this.#carried(0x86dd, at);
  }

  #mpls(label: number): void {
    if (label + 4 > this.bytes.length) return;
    if ((this.#u8(label + 2) & 1) === 0) this.#mpls(label + 4);
    else this.#byVersion(label + 4);
  }

  #wireless(hasRadio: boolean): void {
    const header = hasRadio ? this.#u8(2) + 256 * this.#u8(3) : 0;
    for (const by of [4, 10, 16, 24]) this.#mac(header + by);
    const control = this.#u8(header);
    if ((control & 0x0c) !== 0x08) return;
    const end = header + 24 + (control & 0x80 ? 2 : 0);
    const payload = hasRadio && this.#isPadded() ? (end + 3) & ~3 : end;
    this.#carried(this.#u16(payload + 6), payload + 8);
  }

  /** Radiotap: flags are present in the first and only bitmap, and say so. */
  #isPadded(): boolean {
    const present = this.#u32(4);
    if ((present & 0x0200_0080) !== 0x0200_0000) return false;
    return (this.#u8(present & 0x0100_0000 ? 16 : 8) & 0x20) !== 0;
  }

  #ipv4(at: number): void {
    this.#address4(at + 12);
    this.#address4(at + 16);
    const protocol = this.#u8(at + 9);
    this.#add({ kind: 'protocol', value: protocol });
    const transport = at + 4 * (this.#u8(at) & 0xf);
    this.#headersBehind(protocol, transport, [AUTHENTICATION]);
    if ((this.#u16(at + 6) & 0x1fff) === 0) this.#transport(protocol, transport);
  }

  #ipv6(at: number): void {
    this.#address6(at + 8);
    this.#address6(at + 24);
    const next = this.#u8(at + 6);
    this.#add({ kind: 'protocol', value: next });
    const last = this.#headersBehind(next, at + 40, [...OPTIONS, AUTHENTICATION]);
    this.#headersBehind(next, at + 40, [...OPTIONS, AUTHENTICATION], 'like options');
    this.#transport(last.next, last.at);
  }

  /** @param fragment header's length: `protochain` alone reads it where options have theirs */
  #headersBehind(first: number, start: number, over: readonly number[], fragment?: 'like options') {
    let [next, at] = [first, start];
    while (over.includes(next) && at < this.bytes.length) {
      const units = next === FRAGMENT && fragment === undefined ? 0 : this.#u8(at + 1);
      const size = next === AUTHENTICATION ? 4 * (units + 2) : 8 * (units + 1);
      next = this.#u8(at);
      at += size;
      this.#add({ kind: 'protocol', value: next });
    }
    return { next, at };
  }

  #transport(protocol: number, at: number): void {
    if (!WITH_PORTS.includes(protocol)) return;
    this.#add({ kind: 'port', port: this.#u16(at) });
    this.#add({ kind: 'port', port: this.#u16(at + 2) });
    if (protocol !== 17 || at + 8 > this.bytes.length) return;
    if (this.#u16(at + 2) === 6081) this.#geneve(at + 8);
    if (this.#u16(at + 2) === 4789) this.#ethernet(at + 16);
  }

  #geneve(at: number): void {
    const inner = at + 8 + 4 * (this.#u8(at) & 0x3f);
    const type = this.#u16(at + 2);
    this.#add({ kind: 'ethertype', value: type });
    if (type === 0x6558) this.#ethernet(inner);
    else this.#carried(type, inner);
  }

  #mac(at: number): void {
    this.#add({ kind: 'mac', address: [...this.bytes.subarray(at, at + 6)] });
  }

  #address4(at: number): void {
    for (const bits of [32, 24, 16, 8] as const) {
      this.#add({ kind: 'ipv4', bits, address: (this.#u32(at) & (0xffff_ffff << (32 - bits))) >>> 0 });
    }
  }

  #address6(at: number): void {
    const [a, b] = [this.#u32(at), this.#u32(at + 4)];
    this.#add({ kind: 'ipv6', bits: 128, address: [a, b, this.#u32(at + 8), this.#u32(at + 12)] });
    this.#add({ kind: 'ipv6', bits: 64, address: [a, b, 0, 0] });
    this.#add({ kind: 'ipv6', bits: 48, address: [a, (b & 0xffff_0000) >>> 0, 0, 0] });
    this.#add({ kind: 'ipv6', bits: 32, address: [a, 0, 0, 0] });
  }

  #add(token: PrefilterToken): void {
    this.tokens.add(printToken(token));
  }

  /** Behind the end there are zeros. */
  #u8(at: number): number {
    return this.bytes[at] ?? 0;
  }
  #u16(at: number): number {
    return this.#u8(at) * 256 + this.#u8(at + 1);
  }
  #u32(at: number): number {
    return this.#u16(at) * 0x1_0000 + this.#u16(at + 2);
  }
}
