import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lex } from './lex.js';

/** The tokens without `end`, as `kind:text`. */
const kinds = (expression: string) =>
  lex(expression)
    .slice(0, -1)
    .map(({ kind, text }) => `${kind}:${text}`);
/** The value of the only token. */
const only = (expression: string) => lex(expression)[0];

describe('lex', () => {
  it('cuts at spaces and operators', () => {
    expect(kinds(' tcp port(80)\t&&!ip6\n')).toEqual([
      'keyword:tcp',
      'keyword:port',
      'operator:(',
      'number:80',
      'operator:)',
      'keyword:&&',
      'keyword:!',
      'keyword:ip6',
    ]);
  });
  it('gives each token its place, and ends with the end', () => {
    expect(lex('a  bc ').map(({ span }) => [span.start, span.end])).toEqual([
      [0, 1],
      [3, 5],
      [6, 6],
    ]);
  });
  it.each([
    ['80-90', 'name:80-90'],
    ['ftp-data', 'name:ftp-data'],
    ['1e3', 'name:1e3'],
    ['tcpdump', 'name:tcpdump'],
    ['TCP', 'name:TCP'],
    ['icmp-echo', 'number:icmp-echo'],
    ['es-is', 'keyword:es-is'],
    ['\\tcp', 'name:\\tcp'],
    ['1.2.3.4.5', 'name:1.2.3.4.5'],
    ['10.0.0.1a', 'name:10.0.0.1a'],
    ['1.2', 'ipv4:1.2'],
    ['010000000000', 'mac:010000000000'],
    ['deadbeefcafe', 'mac:deadbeefcafe'],
    ['1.2.3.4.5.6', 'mac:1.2.3.4.5.6'],
    ['0-1-2-3-4-5', 'mac:0-1-2-3-4-5'],
    ['::', 'ipv6:::'],
    ['$a', 'link-address:$a'],
  ])('takes the longest reading of %s', (text, expected) => {
    expect(kinds(text)).toEqual([expected]);
  });
  it.each([
    ['a-', ['name:a', 'operator:-']],
    ['tcp[13:2]', ['keyword:tcp', 'operator:[', 'number:13', 'operator::', 'number:2', 'operator:]']],
    ['1<<2>=3', ['number:1', 'operator:<<', 'number:2', 'operator:>=', 'number:3']],
    ['fe80::/10', ['ipv6:fe80::', 'operator:/', 'number:10']],
  ])('cuts %s', (text, expected) => {
    expect(kinds(text)).toEqual(expected);
  });
  it('knows the aliases of a keyword', () => {
    expect(['link', 'wlan', 'ether'].map((text) => only(text))).toMatchObject(Array(3).fill({ word: 'ether' }));
  });
  it.each([
    ['80', 80],
    ['0x50', 80],
    ['0X50', 80],
    ['0120', 80],
    ['4294967295', 0xffff_ffff],
  ])('reads the number %s', (text, value) => {
    expect(only(text)).toMatchObject({ kind: 'number', value });
  });
  it.each([
    ['10.1', 0x0a01_0000, 16],
    ['10.1.2', 0x0a01_0200, 24],
    ['255.255.255.255', 0xffff_ffff, 32],
    ['010.1.1.1', 0x0a01_0101, 32],
  ])('reads the address %s', (text, address, bits) => {
    expect(only(text)).toMatchObject({ kind: 'ipv4', address, bits });
  });
  it.each([
    ['2001:db8::1', [0x2001_0db8, 0, 0, 1]],
    ['1:2:3:4:5:6:7:8', [0x1_0002, 0x3_0004, 0x5_0006, 0x7_0008]],
    ['::ffff:1.2.3.4', [0, 0, 0xffff, 0x0102_0304]],
    ['1::', [0x1_0000, 0, 0, 0]],
    ['1:2:3:4:5:6:7::', [0x1_0002, 0x3_0004, 0x5_0006, 0x7_0000]],
  ])('reads the address %s', (text, words) => {
    expect(only(text)).toMatchObject({ kind: 'ipv6', words });
  });
  it.each(['0:1:2:a:B:ff', '00-01-02-0a-0b-ff', '0001.020a.0bff', '0001020a0bff'])(
    'reads the MAC address %s',
    (text) => {
      expect(only(text)).toMatchObject({ kind: 'mac', bytes: [0, 1, 2, 0xa, 0xb, 0xff] });
    },
  );

  it.each([
    ['ip ; ip', 3, 4],
    ['ip 😀', 3, 5],
    ['port 080', 5, 8],
    ['port 4294967296', 5, 15],
    ['host 1.2.3.256', 5, 14],
    ['host 1::2::3', 5, 12],
    ['host 1:2:3', 5, 10],
    ['host ::ffff:1.2.3.256', 5, 21],
    ['host 1:2:3:4:5:6:7:8:9', 5, 22],
    ['host 12345::', 5, 12],
  ])('refuses %s at its fault', (expression, start, end) => {
    expect(() => lex(expression)).toThrowError(
      expect.objectContaining({ code: 'FILTER_SYNTAX', span: { start, end } }),
    );
  });
  it('refuses more than a megabyte', () => {
    expect(() => lex(' '.repeat(2 ** 20 + 1))).toThrowError(expect.objectContaining({ code: 'FILTER_TOO_LARGE' }));
  });

  it('loses no character but spaces', () => {
    const words = fc.constantFrom(...'tcp port 80 ( ) && ! 10.0.0.1 fe80::1 a-b \\x : / >='.split(' '));
    fc.assert(
      fc.property(fc.array(words), (list) => {
        const expression = list.join(' ');
        expect(
          lex(expression)
            .map(({ span }) => expression.slice(span.start, span.end))
            .join(''),
        ).toBe(list.join(''));
      }),
    );
  });
});
