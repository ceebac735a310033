import type { Prefilter, PrefilterToken } from './prefilter.js';

/** On one line, with every parenthesis: `(port 80 and protocol 6)`. */
export function printPrefilter(prefilter: Prefilter): string {
  switch (prefilter.kind) {
    case 'all':
      return 'all';
    case 'none':
      return 'none';
    case 'token':
      return printToken(prefilter.token);
    default:
      return `(${prefilter.parts.map(printPrefilter).join(` ${prefilter.kind} `)})`;
  }
}

/** Also a token's identity: equal tokens, and only they, are printed alike. */
export function printToken(token: PrefilterToken): string {
  switch (token.kind) {
    case 'ipv4':
      return `ipv4 ${[24, 16, 8, 0].map((shift) => (token.address >>> shift) & 0xff).join('.')}/${token.bits}`;
    case 'ipv6':
      return `ipv6 ${token.address.flatMap((word) => [word >>> 16, word & 0xffff].map(hex)).join(':')}/${token.bits}`;
    case 'port':
      return `port ${token.port}`;
    case 'mac':
      return `mac ${token.address.map((byte) => hex(byte).padStart(2, '0')).join(':')}`;
    case 'vlan':
      return `vlan ${token.id}`;
    case 'ethertype':
      return `ethertype 0x${hex(token.value).padStart(4, '0')}`;
    case 'protocol':
      return `protocol ${token.value}`;
  }
}

const hex = (value: number): string => value.toString(16);
