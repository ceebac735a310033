import { buildEthernet, buildIpv4, buildUdp, concatenate } from '@bpfleet/packet';
import { describe, expect, it } from 'vitest';
import { dissectFrame, found, layerNames, valuesOf } from '../testing/find.js';

const ends = { source: '192.0.2.1', destination: '198.51.100.2' };
const text = (value: string) => new TextEncoder().encode(value);
const u16 = (...numbers: number[]) => Uint8Array.from(numbers.flatMap((number) => [number >> 8, number & 0xff]));
const name = (...labels: string[]) =>
  concatenate(...labels.map((label) => concatenate(Uint8Array.of(label.length), text(label))), Uint8Array.of(0));
const counted = (value: string) => concatenate(Uint8Array.of(value.length), text(value));
const pair = (code: number, data: Uint8Array) => concatenate(u16(code, data.length), data);

const frameOf = (message: Uint8Array) =>
  buildEthernet({
    payload: buildIpv4({
      ...ends,
      protocol: 17,
      payload: buildUdp({ ...ends, sourcePort: 40_000, destinationPort: 53, payload: message }),
    }),
  });
/** A message of one record, and of an address behind it, which is read where the record's end is known. */
const messageOf = (type: number, data: Uint8Array, owner = name('a', 'b')) =>
  concatenate(
    u16(7, 0x8180, 0, 2, 0, 0),
    owner,
    u16(type, 1, 0, 300, data.length),
    data,
    ...[name('z'), u16(1, 1, 0, 300, 4, 0x0a00, 1)],
  );
const dissect = (type: number, data: Uint8Array) => dissectFrame(frameOf(messageOf(type, data)));
/** Ethernet, IPv4, UDP, the message's header, and the record's before its data. */
const DATA_AT = 14 + 20 + 8 + 12 + 5 + 10;

const service = (...parameters: Uint8Array[]) => concatenate(u16(1), name(), ...parameters);
const hash = Uint8Array.from({ length: 20 }, (_, i) => i);

describe('EDNS options', () => {
  it.each<[string, number, Uint8Array, string, unknown[]]>([
    ['a client’s cookie', 10, text('12345678'), 'dns.opt.cookie.client', ['3132333435363738']],
    ['a server’s cookie', 10, text('12345678abcdefgh'), 'dns.opt.cookie.server', ['6162636465666768']],
    ['an IPv4 subnet', 8, concatenate(u16(1, 0x1800), Uint8Array.of(10, 1, 2)), 'dns.opt.client.addr4', ['10.1.2.0']],
    ['an IPv6 subnet', 8, u16(2, 0x2000, 0x2001, 0xdb8), 'dns.opt.client.addr6', ['2001:db8::']],
    ['a subnet of nobody', 8, u16(9, 0x1000, 0x0a01), 'dns.opt.client.addr', ['0a01']],
    ['more of an address than there is', 8, u16(1, 0x2000, 1, 2, 3), 'dns.opt.client.addr4', ['0.1.0.2']],
    ['padding', 12, u16(0), 'dns.opt.padding', ['0000']],
    ['a timeout', 11, u16(100), 'dns.opt.edns_tcp_keepalive.timeout', [100]],
    ['a timeout that a client asks for', 11, u16(), 'dns.opt.edns_tcp_keepalive.timeout', []],
    ['an extended error', 15, u16(18), 'dns.opt.ext_error.info_code', [18]],
    ['an extended error’s text', 15, concatenate(u16(15), text('no')), 'dns.opt.ext_error.extra_text', ['no']],
    ['algorithms', 5, Uint8Array.of(8, 13), 'dns.opt.dau', [8, 13]],
    ['one it does not know', 65_001, u16(7), 'dns.opt.data', ['0007']],
  ])('show %s', (_, code, data, field, values) => {
    const tree = dissect(41, concatenate(pair(code, data), pair(3, text('x'))));
    expect(valuesOf(tree, 'dns.opt.code')).toEqual([code, 3]);
    expect(valuesOf(tree, field).slice(0, values.length)).toEqual(values);
    expect(found(tree, 'dns.opt')[0]).toMatchObject({ offset: DATA_AT, lengthBytes: 4 + data.length });
  });
});

describe('a service binding', () => {
  it.each<[string, number, Uint8Array, string, unknown[]]>([
    ['mandatory keys', 0, u16(1, 3), 'dns.svcb.svcparam.mandatory.key', [1, 3]],
    ['protocols', 1, concatenate(counted('h2'), counted('h3')), 'dns.svcb.svcparam.alpn', ['h2', 'h3']],
    ['a port', 3, u16(8443), 'dns.svcb.svcparam.port', [8443]],
    ['IPv4 hints', 4, u16(0x0a00, 1, 0x0a00, 2), 'dns.svcb.svcparam.ipv4hint.ip', ['10.0.0.1', '10.0.0.2']],
    ['a key for ClientHellos', 5, u16(1), 'dns.svcb.svcparam.echconfig', ['0001']],
    ['IPv6 hints', 6, u16(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 'dns.svcb.svcparam.ipv6hint.ip', ['2001:db8::1']],
    ['a path', 7, text('/q'), 'dns.svcb.svcparam.value', ['2f71']],
    ['a key alone', 2, u16(), 'dns.svcb.svcparam.value', []],
  ])('shows %s', (_, key, value, field, values) => {
    const tree = dissect(65, service(pair(key, value), pair(2, u16())));
    expect(valuesOf(tree, 'dns.svcb.svcpriority')).toEqual([1]);
    expect(valuesOf(tree, 'dns.svcb.targetname')).toEqual(['<Root>']);
    expect(valuesOf(tree, 'dns.svcb.svcparam.key')).toEqual([key, 2]);
    expect(valuesOf(tree, field)).toEqual(values);
    expect(valuesOf(tree, 'dns.a')).toEqual(['10.0.0.1']);
  });
});

describe('a record', () => {
  const signature = concatenate(u16(1, 0x0d03, 0, 300, 0x6b49, 0xd200, 0x6ab1, 0x3b80, 12_345), name('org'), u16(7));
  const hashed = concatenate(Uint8Array.of(1, 1, 0, 10, 1, 0xab, 20), hash, Uint8Array.of(0, 1, 0x40));
  it.each<[string, number, Uint8Array, string, unknown]>([
    ['RRSIG: the signer', 46, signature, 'dns.rrsig.signers_name', 'org'],
    ['RRSIG: the signature', 46, signature, 'dns.rrsig.signature', '0007'],
    ['RRSIG: the end', 46, signature, 'dns.rrsig.signature_expiration', 1_800_000_000],
    ['DS', 43, concatenate(u16(12_345, 0x0d02), hash), 'dns.ds.key_id', 12_345],
    ['DNSKEY: what is reserved', 48, u16(0x0301, 0x030d, 7), 'dns.dnskey.flags.reserved', 0x0100],
    ['DNSKEY: the key', 48, u16(0x0101, 0x030d, 7), 'dns.dnskey.public_key', '0007'],
    ['NSEC', 47, concatenate(name('b'), Uint8Array.of(0, 1, 0x40)), 'dns.nsec.next_domain_name', 'b'],
    ['NSEC3', 50, hashed, 'dns.nsec3.hash_value', '000g40o40k30e209185go38e1s8124gj'],
    ['NSEC3PARAM', 51, Uint8Array.of(1, 0, 0, 10, 1, 0xab), 'dns.nsec3.salt_value', 'ab'],
    ['TLSA', 52, Uint8Array.of(3, 1, 1, 9), 'dns.tlsa.certificate_association_data', '09'],
    ['SSHFP', 44, Uint8Array.of(4, 2, 9), 'dns.sshfp.fingerprint', '09'],
    ['CAA', 257, concatenate(Uint8Array.of(0x80), counted('issue'), text('ca')), 'dns.caa.value', 'ca'],
    [
      'NAPTR',
      35,
      concatenate(u16(1, 2), counted('S'), counted('SIP+D2U'), counted(''), name('s')),
      'dns.naptr.service',
      'SIP+D2U',
    ],
  ])('shows %s', (_, type, data, field, value) => {
    const tree = dissect(type, data);
    expect(valuesOf(tree, field)).toEqual([value]);
    expect(valuesOf(tree, 'dns.a')).toEqual(['10.0.0.1']);
  });

  it('names the types that an owner has, each where its bit is', () => {
    const tree = dissect(47, concatenate(name('b'), Uint8Array.of(0, 6, 0x40, 1, 0, 0, 0, 3, 1, 1, 0x40)));
    const [types] = found(tree, 'dns.types');
    expect(types).toMatchObject({ offset: DATA_AT + 3, lengthBytes: 11 });
    expect(types!.children!.map(({ value }) => value)).toEqual([1, 15, 46, 47, 257]);
    expect(types!.children!.map(({ offset }) => offset - DATA_AT)).toEqual([5, 6, 10, 10, 13]);
  });

  it.each(['issue', 'issuewild', 'iodef', 'other'])('groups what CAA says of %s', (tag) => {
    const tree = dissect(257, concatenate(Uint8Array.of(0), counted(tag), text('ca')));
    const group = `dns.caa.${tag === 'other' ? 'unknown' : tag}`;
    expect(found(tree, group)).toMatchObject([{ offset: DATA_AT + 1, lengthBytes: 3 + tag.length }]);
  });

  it.each([35, 41, 43, 44, 46, 47, 48, 50, 51, 52, 59, 60, 64, 65, 257])(
    'of type %i may have no data, as in an update, and is malformed where it is too short',
    (type) => {
      expect(valuesOf(dissect(type, new Uint8Array()), 'dns.a')).toEqual(['10.0.0.1']);
      expect(layerNames(dissect(type, new Uint8Array()))).not.toContain('_ws.malformed');
      expect(layerNames(dissect(type, Uint8Array.of(9))).at(-1)).toBe('_ws.malformed');
    },
  );

  it.each([
    ['an option', 41, u16(12, 9)],
    ['a client’s cookie', 41, pair(10, text('1234'))],
    ['an option in its option', 41, concatenate(pair(8, u16(1)), pair(12, text('1234')))],
    ['a parameter', 65, service(u16(4, 8))],
    ['a hint', 65, service(pair(4, text('123')), pair(2, u16()))],
    ['a tag', 257, Uint8Array.of(0, 9, 0x61)],
    ['a hash', 50, Uint8Array.of(1, 1, 0, 10, 0, 20, 1)],
    ['a window of types', 47, concatenate(name('b'), Uint8Array.of(0, 9, 1))],
  ])('is malformed where %s is longer than what it is in', (_, type, data) => {
    const tree = dissect(type, data);
    expect(layerNames(tree).at(-1)).toBe('_ws.malformed');
    expect(valuesOf(tree, 'dns.a')).toEqual([]);
  });

  it('that was captured so far shows the length of a tag that is cut', () => {
    const whole = frameOf(messageOf(257, concatenate(Uint8Array.of(0), counted('issuewild'), text('ca'))));
    const tree = dissectFrame(whole.subarray(0, DATA_AT + 10), whole.length);
    expect(valuesOf(tree, 'dns.caa.tag_length')).toEqual([9]);
    expect(layerNames(tree).at(-1)).toBe('_ws.short');
  });
});
