import type { PacketFields } from './packet-fields.js';
import { TokenKind } from './token-hash.js';
import type { TokenSet } from './token-set.js';

const { ipv4: IPV4, ipv6: IPV6, mac: MAC } = TokenKind;

/** Adds addresses with their prefixes. Where a longer prefix is known, so are the shorter ones. */
export class AddressTokens {
  constructor(
    private readonly fields: PacketFields,
    private readonly tokens: TokenSet,
  ) {}

  mac(at: number): void {
    const low = this.fields.u32(at + 2);
    const high = this.fields.u16(at);
    if (low !== undefined && high >= 0) this.tokens.add2(MAC, high, low);
  }

  ipv4(at: number): void {
    const word = this.fields.u32(at);
    if (word === undefined || !this.tokens.add(IPV4[32], word)) return;
    if (!this.tokens.add(IPV4[24], word & 0xffff_ff00)) return;
    if (this.tokens.add(IPV4[16], word & 0xffff_0000)) this.tokens.add(IPV4[8], word & 0xff00_0000);
  }

  /** Of an address that the packet's end cuts through the whole words count: a short prefix reads no more. */
  ipv6(at: number): void {
    const a = this.fields.u32(at);
    if (a === undefined) return;
    const b = this.fields.u32(at + 4);
    if (b === undefined) {
      this.tokens.add(IPV6[32], a);
      return;
    }
    const c = this.fields.u32(at + 8);
    const d = this.fields.u32(at + 12);
    if (c !== undefined && d !== undefined && !this.tokens.add4(IPV6[128], a, b, c, d)) return;
    if (!this.tokens.add2(IPV6[64], a, b)) return;
    if (this.tokens.add2(IPV6[48], a, b & 0xffff_0000)) this.tokens.add(IPV6[32], a);
  }
}
