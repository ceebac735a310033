import { describe, expect, it } from 'vitest';
import { lex } from '../lex/lex.js';
import { parse } from '../parse/parse.js';
import { printLogic } from '../print/print-logic.js';
import { printMeaning } from '../print/print-meaning.js';
import { type NameTables, resolverOf } from './names.js';
import { resolve } from './resolve.js';

const names: NameTables = {
  hosts: { vs: ['10.0.0.1', '2001:db8::1'], Four: ['10.0.0.4'], broken: ['nonsense'] },
  networks: { office: '10.0.0.0/8', six: '2001:db8::/32', odd: '10.0.0.1/8' },
  ethers: { printer: '00:11:22:aa:bb:cc' },
  services: { ours: { port: 4711, protocols: ['udp'] }, HTTP: { port: 81, protocols: ['tcp'] } },
  protocols: { mine: 253 },
};

function meaningOf(expression: string, tables = names): string {
  const meanings = resolve(parse(lex(expression)), resolverOf(tables));
  return meanings ? printLogic(meanings, printMeaning).replace(/\s+/g, ' ') : 'every packet';
}

describe('resolve', () => {
  it.each([
    ['', 'every packet'],
    ['tcp', 'protocol 6 over ip, ip6'],
    ['icmp', 'protocol 1 over ip'],
    ['icmp6', 'protocol 58 over ip6'],
    ['ip proto 89', 'protocol 89 over ip'],
    ['proto \\udp', 'protocol 17 over ip, ip6'],
    ['ip6 proto mine', 'protocol 253 over ip6'],
    ['port 80', 'src or dst port 80 over protocol 132, 6, 17'],
    ['udp src port 53', 'src port 53 over protocol 17'],
    ['port ssh', 'src or dst port 22 over protocol 6'],
    ['port domain', 'src or dst port 53 over protocol 132, 6, 17'],
    ['port OURS', 'src or dst port 4711 over protocol 17'],
    ['port http', 'src or dst port 81 over protocol 6'],
    ['portrange 90-80', 'src or dst port 80-90 over protocol 132, 6, 17'],
    ['portrange ssh-81', 'src or dst port 22-81 over protocol 132, 6, 17'],
    ['portrange ssh-http', 'src or dst port 22-81 over protocol 6'],
    ['host 10.0.0.1', 'src or dst 0xa000001 & 0xffffffff in ip, arp, rarp'],
    ['arp host 10.0.0.1', 'src or dst 0xa000001 & 0xffffffff in arp'],
    ['host 10.1', 'src or dst 0xa010000 & 0xffff0000 in ip, arp, rarp'],
    ['host 10', 'src or dst 0xa & 0xffffffff in ip, arp, rarp'],
    ['net 10', 'src or dst 0xa000000 & 0xff000000 in ip, arp, rarp'],
    ['net 300', 'src or dst 0x12c0000 & 0xffff0000 in ip, arp, rarp'],
    ['net 0', 'src or dst 0x0 & 0xffffffff in ip, arp, rarp'],
    ['net 10.0.0.0/9', 'src or dst 0xa000000 & 0xff800000 in ip, arp, rarp'],
    ['net 0.0.0.0/0', 'src or dst 0x0 & 0x0 in ip, arp, rarp'],
    ['net 1.0.0.0 mask 255.0.255.0', 'src or dst 0x1000000 & 0xff00ff00 in ip, arp, rarp'],
    ['net 1.0 mask 255.0', 'src or dst 0x1000000 & 0xff000000 in ip, arp, rarp'],
    ['src ::1', 'src 00000000:00000000:00000000:00000001 & ffffffff:ffffffff:ffffffff:ffffffff in ip6'],
    [
      'net 2001:db8::/33',
      'src or dst 20010db8:00000000:00000000:00000000 & ffffffff:80000000:00000000:00000000 in ip6',
    ],
    ['ether dst printer', 'dst ether 00:11:22:aa:bb:cc'],
    ['ip host vs', 'src or dst 0xa000001 & 0xffffffff in ip'],
    ['host four', 'src or dst 0xa000004 & 0xffffffff in ip, arp, rarp'],
    ['net office', 'src or dst 0xa000000 & 0xff000000 in ip, arp, rarp'],
    ['dst net six', 'dst 20010db8:00000000:00000000:00000000 & ffffffff:00000000:00000000:00000000 in ip6'],
  ])('says what %s means', (expression, meaning) => {
    expect(meaningOf(expression)).toBe(meaning);
  });
  it('looks for every address of a host', () => {
    expect(meaningOf('host vs')).toMatch(/^\( src or dst 0xa000001 .* or src or dst 20010db8:/);
  });

  it.each([
    ['port 80 or 443', 'src or dst port {80, 443} over protocol 132, 6, 17'],
    ['port 80 or port 443 or portrange 1-2', 'src or dst port {80, 443, 1-2} over protocol 132, 6, 17'],
    ['not port 80 and not port 443', 'not src or dst port {80, 443} over protocol 132, 6, 17'],
    [
      'tcp and port 80 or 443',
      '( protocol 6 over ip, ip6 and src or dst port 80 over protocol 132, 6, 17 or src or dst port 443 over protocol 132, 6, 17 )',
    ],
    ['tcp or port 80 or 443', '( protocol 6 over ip, ip6 or src or dst port {80, 443} over protocol 132, 6, 17 )'],
    [
      'port 80 and 443',
      '( src or dst port 80 over protocol 132, 6, 17 and src or dst port 443 over protocol 132, 6, 17 )',
    ],
    [
      'src and dst port 80 or 443',
      '( src and dst port 80 over protocol 132, 6, 17 or src and dst port 443 over protocol 132, 6, 17 )',
    ],
    ['src port 80 or dst port 80', '( src port 80 over protocol 132, 6, 17 or dst port 80 over protocol 132, 6, 17 )'],
    [
      'tcp port 80 or port 443',
      '( src or dst port 80 over protocol 6 or src or dst port 443 over protocol 132, 6, 17 )',
    ],
  ])('makes lists of alternatives of one kind only: %s', (expression, meaning) => {
    expect(meaningOf(expression)).toBe(meaning);
  });

  it.each<[string, number, number, RegExp]>([
    ['host nowhere', 5, 12, /unknown host/],
    ['net nowhere', 4, 11, /unknown network/],
    ['port nowhere', 5, 12, /unknown port/],
    ['ip proto nowhere', 9, 16, /unknown protocol/],
    ['ether host nowhere', 11, 18, /unknown Ethernet host/],
    ['host constructor', 5, 16, /unknown host/],
    ['host broken', 5, 11, /table of names/],
    ['net odd', 4, 7, /outside the network’s mask/],
    ['port 65536', 5, 10, /no port 65536/],
    ['portrange 1-65536', 10, 17, /no port 65536/],
    ['port 80-90', 5, 10, /unknown port/],
    ['portrange 1-2-3', 10, 15, /unknown port/],
    ['port 1.2', 5, 8, /an address is no port/],
    ['arp port 80', 0, 8, /has no ports/],
    ['udp port ssh', 9, 12, /service over tcp/],
    ['tcp host 10.0.0.1', 9, 17, /does not carry/],
    ['ip6 host 10.0.0.1', 9, 17, /IPv4 address/],
    ['ip host ::1', 8, 11, /IPv6 address/],
    ['ip6 host four', 9, 13, /has no address/],
    ['tcp proto 6', 0, 9, /means nothing/],
    ['ip proto 1.2', 9, 12, /no protocol/],
    ['net 10.0.0.1/8', 4, 14, /outside the network’s mask/],
    ['net 10.0.0.0/33', 4, 15, /at most 32/],
    ['net fe80::1/10', 4, 14, /outside the network’s prefix/],
    ['net ::/129', 4, 10, /at most 128/],
    ['host 10.0.0.0/8', 5, 15, /only networks/],
    ['host fe80::/10', 5, 14, /only networks/],
    ['host 0:1:2:3:4:5', 5, 16, /link layer only/],
    ['ether host 10.0.0.1', 11, 19, /MAC address/],
    ['ether net 0:1:2:3:4:5', 10, 21, /does not carry/],
  ])('refuses %s', (expression, start, end, message) => {
    expect(() => meaningOf(expression)).toThrowError(
      expect.objectContaining({ code: 'FILTER_SYNTAX', span: { start, end }, message: expect.stringMatching(message) }),
    );
  });
});
