import { describe, expect, it } from 'vitest';
import { lex } from '../lex/lex.js';
import { printLogic } from '../print/print-logic.js';
import { printTerm } from '../print/print-term.js';
import { parse } from './parse.js';

/** The tree on one line. */
function treeOf(expression: string): string {
  const tree = parse(lex(expression));
  return tree ? printLogic(tree, printTerm).replace(/\s+/g, ' ') : 'every packet';
}

describe('parse', () => {
  it.each([
    ['', 'every packet'],
    ['  \n', 'every packet'],
    ['tcp', 'tcp'],
    ['src 10.0.0.1', 'src 10.0.0.1'],
    ['ip src or dst host 10.0.0.1', 'ip src or dst host 10.0.0.1'],
    ['dst or src port 80', 'src or dst port 80'],
    ['dst and src port 80', 'src and dst port 80'],
    ['src 10.0.0.1 or dst 10.0.0.2', '( src 10.0.0.1 or dst 10.0.0.2 )'],
    ['net 10.0.0.0/8', 'net 10.0.0.0/8'],
    ['net 10.0.0.0 mask 255.0.0.0', 'net 10.0.0.0 mask 255.0.0.0'],
    ['net fe80::/10', 'net fe80::/10'],
    ['ip proto \\tcp', 'ip proto \\tcp'],
    ['less 100', 'less 100'],
  ])('reads %s', (expression, tree) => {
    expect(treeOf(expression)).toBe(tree);
  });

  it('lets and and or bind alike, to the left', () => {
    expect(treeOf('ip or tcp and udp')).toBe('( ip or tcp and udp )');
  });
  it('lets not bind tighter', () => {
    expect(treeOf('not ip or !tcp')).toBe('( not ip or not tcp )');
  });
  it.each([
    ['port 80 or 443', '( port 80 or port 443 )'],
    ['tcp dst port ftp or ftp-data or domain', '( tcp dst port ftp or tcp dst port ftp-data or tcp dst port domain )'],
    ['not host a and b', '( not host a and host b )'],
    ['port 80 or not 443', '( port 80 or not port 443 )'],
    ['port (80 or 443)', '( port 80 or port 443 )'],
    ['port not (80 or 443)', 'not ( port 80 or port 443 )'],
    ['port 80 or (443 or 8080)', '( port 80 or ( port 443 or port 8080 ) )'],
    ['src host a or dst port 80 and 90', '( src host a or dst port 80 and dst port 90 )'],
    // What stands in front of the parenthesis counts, not what is in it.
    ['port 80 or (tcp) or 443', '( port 80 or tcp or port 443 )'],
    ['port 80 or (host a) or 443', '( port 80 or host a or port 443 )'],
    ['port ((80) or 443)', '( port 80 or port 443 )'],
    ['port (((80)))', 'port 80'],
  ])('hands qualifiers on: %s', (expression, tree) => {
    expect(treeOf(expression)).toBe(tree);
  });

  it.each<[string, number, number, RegExp]>([
    ['tcp port 80 and host', 20, 20, /after “host”, but the expression ends/],
    ['tcp or 443', 7, 10, /needs a word in front/],
    ['(port 80) or 443', 13, 16, /needs a word in front/],
    ['10.0.0.1', 0, 8, /needs a word in front/],
    ['tcp udp', 4, 7, /“and”, “or” or the end/],
    ['port 80 443', 8, 11, /“and”, “or” or the end/],
    ['(ip', 3, 3, /expected “\)”/],
    ['ip)', 2, 3, /closes nothing/],
    ['()', 1, 2, /expected a term/],
    ['not', 3, 3, /expected a term/],
    ['ip and', 6, 6, /expected a term/],
    ['host host', 5, 9, /here stands “host”/],
    ['ip proto tcp', 9, 12, /here stands “tcp”/],
    ['src proto 6', 4, 9, /here stands “proto”/],
    ['port ((80 or 443) or 8080)', 10, 12, /expected “\)”/],
    ['port ((http) or 443)', 7, 11, /expected a number/],
    ['port (80 or tcp)', 12, 15, /here stands “tcp”/],
    ['net 10/8', 6, 7, /only an address with dots/],
    ['net 10.0.0.0/x', 13, 14, /length of the network/],
    ['net 10.0.0.0 mask 8', 18, 19, /expected an IPv4 mask/],
    ['ether', 0, 5, /alone says nothing/],
    ['less ip', 5, 7, /number of bytes/],
    ['mask', 0, 4, /expected a term/],
    ['ip,ip', 2, 3, /“and”, “or” or the end/],
    ['ip;ip', 2, 3, /character/],
  ])('refuses %s', (expression, start, end, message) => {
    expect(() => treeOf(expression)).toThrowError(
      expect.objectContaining({ code: 'FILTER_SYNTAX', span: { start, end }, message: expect.stringMatching(message) }),
    );
  });

  it.each([
    ['tcp[13] & 2 != 0', '(tcp[13:1] & 2) != 0'],
    ['(tcp[13] & 2) != 0', '(tcp[13:1] & 2) != 0'],
    ['(5) = len and (len > 5)', '( 5 = len and len > 5 )'],
    ['port 80 or (5 + 1) = len', '( port 80 or (5 + 1) = len )'],
    ['-1 < len', '-1 < len'],
    ['len - 7 - 3 = 1', '((len - 7) - 3) = 1'],
    ['len | 3 & 5 << 1 + 2 * 3 = 1', '(len | (3 & (5 << (1 + (2 * 3))))) = 1'],
    // Without a precedence in libpcap's grammar: its parser reads on.
    ['len % 7 - 2 = 9', '(len % (7 - 2)) = 9'],
    ['len + 1 ^ 2 = 9', '(len + (1 ^ 2)) = 9'],
    ['ip[ip[0] & 0xf:2] > 5', 'ip[(ip[0:1] & 15):2] > 5'],
    ['tcp[tcpflags] = tcp-syn', 'tcp[13:1] = 2'],
    ['ip multicast', 'ip multicast'],
    ['vlan', 'vlan'],
    ['vlan 10,20-30 and mpls (5)', '( vlan 10,20-30 and mpls 5 )'],
    ['pppoed or pppoes 7 or geneve 0xb', '( pppoed or pppoes 7 or geneve 11 )'],
    ['llc rnr and llc', '( llc rnr and llc )'],
    ['wlan type mgt subtype beacon or dir tods', '( type mgt subtype beacon or dir tods )'],
    ['byte 0 & 1', '(ether[0:1] & 1) != 0'],
    ['ip6 protochain 6', 'ip6 protochain 6'],
    [
      'host in {10.0.0.1, 10.1.0.0/16, @bad} and port in {80,90-100}',
      '( host in {10.0.0.1, 10.1.0.0, @bad} and port in {80, 90-100} )',
    ],
  ])('reads %s', (expression, expected) => {
    expect(treeOf(expression)).toBe(expected);
  });

  it.each([
    ['gateway a', 0, 7],
    ['ip and vpi 3', 7, 10],
    ['host $a', 5, 7],
  ] as const)('says why %s means nothing here', (expression, start, end) => {
    expect(() => treeOf(expression)).toThrowError(
      expect.objectContaining({ code: 'FILTER_UNSUPPORTED', span: { start, end } }),
    );
  });

  it('takes 500 levels and refuses more', () => {
    const nested = (levels: number) => `${'('.repeat(levels)}ip${')'.repeat(levels)}`;
    expect(treeOf(nested(500))).toBe('ip');
    expect(() => treeOf(nested(501))).toThrowError(expect.objectContaining({ code: 'FILTER_TOO_LARGE' }));
    expect(() => treeOf('!'.repeat(60_000))).toThrowError(expect.objectContaining({ code: 'FILTER_TOO_LARGE' }));
    expect(() => treeOf(`port ${'('.repeat(60_000)}80`)).toThrowError(
      expect.objectContaining({ code: 'FILTER_TOO_LARGE' }),
    );
  });
});
