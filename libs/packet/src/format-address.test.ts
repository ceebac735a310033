import { BpfleetError } from '@bpfleet/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, formatIpv6, formatMac } from './format-address.js';
import { parseAddress, parseIpv4, parseIpv6, parseMac } from './parse-address.js';

describe('addresses', () => {
  it.each([
    ['the unspecified address', '0:0:0:0:0:0:0:0', '::'],
    ['loopback', '0:0:0:0:0:0:0:1', '::1'],
    ['leading zeros of a group (RFC 5952, 4.1)', '2001:0db8:0001:0002:0003:0004:0005:0006', '2001:db8:1:2:3:4:5:6'],
    ['upper case (4.3)', '2001:DB8::A', '2001:db8::a'],
    ['a single zero group, which stays (4.2.2)', '2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['the longer of two runs (4.2.3)', '2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['the first of two equal runs (4.2.3)', '2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['a run at the end', 'fe80:1:0:0:0:0:0:0', 'fe80:1::'],
    ['IPv4-mapped (5)', '::ffff:10.0.0.1', '::ffff:10.0.0.1'],
  ])('are shortened: %s', (_, text, expected) => {
    expect(formatIpv6(parseIpv6(text), 0)).toBe(expected);
  });

  it('survive formatting and reading', () => {
    const address = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      // Mostly zeros, so that runs happen.
      fc.array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 }).map((a) => Uint8Array.from(a)),
    );
    fc.assert(
      fc.property(address, (bytes) => {
        expect([...parseAddress(formatAddress(bytes, 0, bytes.length))]).toEqual([...bytes]);
      }),
    );
    expect(formatMac(parseMac('02:00:0a:ff:00:01'), 0)).toBe('02:00:0a:ff:00:01');
  });

  it.each([
    [parseIpv4, '10.0.0'],
    [parseIpv4, '10.0.0.256'],
    [parseIpv4, '10.0.0.01'],
    [parseIpv6, '1:2:3:4:5:6:7'],
    [parseIpv6, '1:2:3:4:5:6:7:8:9'],
    [parseIpv6, '1::2::3'],
    [parseIpv6, '1:2:3:4::5:6:7:8'],
    [parseIpv6, '12345::'],
    [parseIpv6, '1.2.3.4::1'],
    [parseIpv6, ':1:2:3:4:5:6:7'],
    [parseMac, '02:00:00:00:00'],
  ])('are refused: %o %s', (parse, text) => {
    expect(() => parse(text)).toThrow(BpfleetError);
  });
});
