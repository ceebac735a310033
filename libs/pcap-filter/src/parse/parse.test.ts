import { describe, expect, it } from 'vitest';
import { lex } from '../lex/lex.js';
import { printLogic } from '../print/print-logic.js';
import { printTerm } from '../print/print-stages.js';
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
    ['ether', 0, 5, /needs an address/],
    ['less ip', 5, 7, /number of bytes/],
    ['mask', 0, 4, /expected a term/],
    ['ip,ip', 2, 3, /character/],
  ])('refuses %s', (expression, start, end, message) => {
    expect(() => treeOf(expression)).toThrowError(
      expect.objectContaining({ code: 'FILTER_SYNTAX', span: { start, end }, message: expect.stringMatching(message) }),
    );
  });

  it.each<[string, number, number]>([
    ['vlan 5', 0, 4],
    ['ip and mpls', 7, 11],
    ['tcp[13] & 2 != 0', 3, 4],
    ['(tcp[13] & 2) != 0', 4, 5],
    ['len > 100', 0, 3],
    ['5 > 3', 2, 3],
    ['(1 + 2) = 3', 3, 4],
    ['-1 < 2', 0, 1],
    ['ip multicast', 3, 12],
    ['ether broadcast', 6, 15],
    ['broadcast', 0, 9],
    ['gateway a', 0, 7],
    ['ip protochain 6', 3, 13],
    ['stp', 0, 3],
    ['type mgt', 0, 4],
    ['wlan addr1 0:1:2:3:4:5', 5, 10],
    ['inbound', 0, 7],
    ['icmp6type', 0, 9],
    ['host $a', 5, 7],
  ])('says that %s is not supported yet', (expression, start, end) => {
    expect(() => treeOf(expression)).toThrowError(
      expect.objectContaining({ code: 'FILTER_UNSUPPORTED', span: { start, end }, hint: expect.any(String) }),
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
