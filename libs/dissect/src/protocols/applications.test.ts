import { buildEthernet, buildIpv4, buildTcp, buildUdp, concatenate, TcpFlag } from '@bpfleet/packet';
import { describe, expect, it } from 'vitest';
import { dissectFrame, found, layerNames, valuesOf } from '../testing/find.js';

const ends = { source: '192.0.2.1', destination: '198.51.100.2' };
const text = (value: string) => new TextEncoder().encode(value);
const frameOf = (protocol: number, payload: Uint8Array) =>
  buildEthernet({ payload: buildIpv4({ ...ends, protocol, payload }) });
const overUdp = (port: number, payload: Uint8Array) =>
  dissectFrame(frameOf(17, buildUdp({ ...ends, sourcePort: 40_000, destinationPort: port, payload })));
const segment = (port: number, payload: Uint8Array | string) =>
  frameOf(6, buildTcp({ ...ends, sourcePort: 40_000, destinationPort: port, flags: TcpFlag.ACK, payload }));
const overTcp = (port: number, payload: Uint8Array | string) => dissectFrame(segment(port, payload));

const u16 = (...numbers: number[]) => Uint8Array.from(numbers.flatMap((number) => [number >> 8, number & 0xff]));
const name = (value: string) =>
  concatenate(
    ...value.split('.').map((label) => concatenate(Uint8Array.of(label.length), text(label))),
    u16(0).subarray(1),
  );
const question = concatenate(u16(7, 0x0100, 1, 0, 0, 0), name('www.example.org'), u16(1, 1));
const answer = (type: number, data: Uint8Array) =>
  concatenate(u16(7, 0x8180, 0, 1, 0, 0), name('a.b'), u16(type, 1, 0, 300, data.length), data);

describe('DNS', () => {
  it('is read over UDP, over TCP behind its length, and as multicast DNS', () => {
    expect(valuesOf(overUdp(53, question), 'dns.qry.name')).toEqual(['www.example.org']);
    expect(layerNames(overUdp(5353, question))).toContain('mdns');
    const twice = concatenate(u16(question.length), question, u16(question.length), question);
    expect(valuesOf(overTcp(53, twice), 'dns.qry.name')).toEqual(['www.example.org', 'www.example.org']);
  });

  it('shows the message that goes on in the next segment as far as it is here', () => {
    const tree = overTcp(53, concatenate(u16(question.length), question.subarray(0, 20)));
    expect(valuesOf(tree, 'dns.count.queries')).toEqual([1]);
    expect(layerNames(tree).at(-1)).toBe('_ws.unreassembled');
  });

  it.each<[string, number, Uint8Array, string, unknown]>([
    ['CNAME', 5, name('c.d'), 'dns.cname', 'c.d'],
    ['compressed NS', 2, concatenate(Uint8Array.of(1, 0x6e), u16(0xc00c)), 'dns.ns', 'n.a.b'],
    ['MX', 15, concatenate(u16(10), name('m.x')), 'dns.mx.mail_exchange', 'm.x'],
    ['AAAA', 28, Uint8Array.of(0x20, 1, ...new Array<number>(14).fill(0)), 'dns.aaaa', '2001::'],
    ['SRV', 33, concatenate(u16(1, 2, 80), name('s')), 'dns.srv.port', 80],
    ['TXT', 16, concatenate(Uint8Array.of(2), text('hi')), 'dns.txt', 'hi'],
    ['SOA', 6, concatenate(name('n'), name('m'), u16(0, 9, 0, 0, 0, 0, 0, 0, 0, 0)), 'dns.soa.serial_number', 9],
    ['a type it does not know', 99, Uint8Array.of(1, 2), 'dns.data', '0102'],
  ])('reads %s', (_, type, data, field, value) => {
    expect(valuesOf(overUdp(53, answer(type, data)), field)).toEqual([value]);
  });

  it('shows what is reserved, in the header and in EDNS', () => {
    const extension = concatenate(Uint8Array.of(0), u16(41, 1232, 0, 0x8003, 0));
    const tree = overUdp(53, concatenate(u16(7, 0x8140, 0, 0, 0, 1), extension));
    expect(valuesOf(tree, 'dns.flags.z')).toEqual([true]);
    expect(valuesOf(tree, 'dns.resp.z.reserved')).toEqual([3]);
  });

  it.each([
    ['_http._tcp.example.org', [['_http'], ['_tcp'], ['example.org']]],
    ['_http', [['_http'], [], []]],
  ])('splits the owner of an SRV record, %s, into service, protocol and name', (owner, parts) => {
    const record = concatenate(name(owner), u16(33, 1, 0, 300, 8, 1, 2, 80), Uint8Array.of(0, 0));
    const tree = overUdp(53, concatenate(u16(7, 0x8180, 0, 1, 0, 0), record));
    expect(['service', 'proto', 'name'].map((part) => valuesOf(tree, `dns.srv.${part}`))).toEqual(parts);
    expect(valuesOf(tree, 'dns.resp.name')).toEqual([]);
  });

  it.each([
    ['labels that go round', concatenate(Uint8Array.of(1, 0x78), u16(0xc000 | 27))],
    ['five labels of 63 bytes', name(Array(5).fill('x'.repeat(63)).join('.'))],
  ])('says that a name is too long, of %s, and reads on', (_, data) => {
    const tree = overUdp(53, concatenate(answer(5, data), Uint8Array.of(0), u16(1, 1, 0, 9, 4, 0, 0)));
    expect(valuesOf(tree, 'dns.cname')).toEqual(['<Name too long>']);
    expect(layerNames(tree)).not.toContain('_ws.malformed');
  });

  it.each([
    ['a pointer to itself', u16(0xc000 | 27)],
    ['two pointers to each other', u16(0xc000 | 29, 0xc000 | 27)],
  ])('does not follow %s for ever', (_, data) => {
    const tree = overUdp(53, answer(5, data));
    expect(tree.at(-1)).toMatchObject({ name: '_ws.malformed', text: expect.stringContaining('does not end') });
  });
});

/** A ClientHello (RFC 8446, 4.1.2) with these extensions: type and data. */
function clientHello(...extensions: [type: number, data: Uint8Array][]): Uint8Array {
  const list = concatenate(...extensions.map(([type, data]) => concatenate(u16(type, data.length), data)));
  const body = concatenate(
    u16(0x0303),
    new Uint8Array(32).fill(1),
    Uint8Array.of(0),
    u16(2, 0x1301),
    u16(0x0100),
    u16(list.length),
    list,
  );
  const handshake = concatenate(Uint8Array.of(1, 0), u16(body.length), body);
  return concatenate(Uint8Array.of(22, 3, 1), u16(handshake.length), handshake);
}
const serverName = concatenate(u16(14), Uint8Array.of(0), u16(11), text('example.org'));
const protocols = concatenate(u16(12), Uint8Array.of(2), text('h2'), Uint8Array.of(8), text('http/1.1'));

describe('TLS', () => {
  const hello = clientHello([0, serverName], [16, protocols], [43, Uint8Array.of(2, 3, 4)]);

  it.each([443, 9_999])('shows whom a client asks for and in which protocols, at port %i', (port) => {
    const tree = overTcp(port, hello);
    expect(valuesOf(tree, 'tls.handshake.extensions_server_name')).toEqual(['example.org']);
    expect(valuesOf(tree, 'tls.handshake.extensions_alpn_str')).toEqual(['h2', 'http/1.1']);
    expect(valuesOf(tree, 'tls.handshake.extensions.supported_version')).toEqual([0x0304]);
    expect(valuesOf(tree, 'tls.handshake.ciphersuite')).toEqual([0x1301]);
  });

  it('shows all extensions before the cut of a snap length', () => {
    const whole = segment(443, hello);
    const tree = dissectFrame(whole.subarray(0, whole.length - 20), whole.length);
    expect(valuesOf(tree, 'tls.handshake.extensions_server_name')).toEqual(['example.org']);
    expect(layerNames(tree).at(-1)).toBe('_ws.short');
  });

  it('shows all extensions before the end of a segment', () => {
    const tree = overTcp(443, hello.subarray(0, hello.length - 20));
    expect(valuesOf(tree, 'tls.handshake.extensions_server_name')).toEqual(['example.org']);
    expect(layerNames(tree).at(-1)).toBe('_ws.unreassembled');
  });

  it('splits a signature algorithm into hash and signature, as TLS 1.2 has them', () => {
    const tree = overTcp(443, clientHello([13, u16(4, 0x0403, 0x0804)]));
    expect(found(tree, 'tls.handshake.sig_hash_algs')).toMatchObject([{ lengthBytes: 4 }]);
    expect(valuesOf(tree, 'tls.handshake.sig_hash_hash')).toEqual([4, 8]);
    expect(valuesOf(tree, 'tls.handshake.sig_hash_sig')).toEqual([3, 4]);
  });

  it('reads several records, and messages that nobody can read', () => {
    const data = Uint8Array.of(23, 3, 3, 0, 2, 1, 2);
    const finished = Uint8Array.of(22, 3, 3, 0, 4, 0xee, 0xff, 0xff, 0xff);
    const tree = overTcp(443, concatenate(Uint8Array.of(20, 3, 3, 0, 1, 1), finished, data));
    expect(valuesOf(tree, 'tls.record.content_type')).toEqual([20, 22, 23]);
    expect(found(tree, 'tls.handshake').map((node) => node.text)).toEqual(['Encrypted handshake message']);
  });

  it('takes the middle of a record for data', () => {
    expect(layerNames(overTcp(443, 'anything else'))).toEqual(['eth', 'ip', 'tcp', 'data']);
  });
});

describe('HTTP', () => {
  const request = 'GET /a?b=c HTTP/1.1\r\nHost: example.org\r\nX-Other: 1\r\n\r\n';

  it.each([80, 9_999])('shows a request’s line and headers, at port %i', (port) => {
    const tree = overTcp(port, request);
    expect(valuesOf(tree, 'http.request.method')).toEqual(['GET']);
    expect(found(tree, 'http.request.uri')).toMatchObject([{ value: '/a?b=c', offset: 58, lengthBytes: 6 }]);
    expect(valuesOf(tree, 'http.request.version')).toEqual(['HTTP/1.1']);
    expect(found(tree, 'http.host')).toMatchObject([{ value: 'example.org', offset: 75, lengthBytes: 19 }]);
    expect(valuesOf(tree, 'http.request.line')).toEqual(['Host: example.org', 'X-Other: 1']);
  });

  it.each(['PROPPATCH', 'COPY', 'NOTIFY'])('knows %s by the version behind it, and not the word alone', (method) => {
    expect(valuesOf(overTcp(80, `${method} /a HTTP/1.1\r\nHost: h\r\n\r\n`), 'http.request.method')).toEqual([method]);
    expect(layerNames(overTcp(9_999, `${method} sip:a SIP/2.0\r\n\r\n`))).toEqual(['eth', 'ip', 'tcp', 'data']);
  });

  it('calls the headers of a notification neither a request’s nor a response’s', () => {
    const tree = overTcp(80, 'NOTIFY /a HTTP/1.1\r\nHost: h\r\nNT: upnp:event\r\n\r\n');
    expect(valuesOf(tree, 'http.unknown_header')).toEqual(['NT: upnp:event']);
    expect(valuesOf(tree, 'http.request.line')).toEqual([]);
  });

  it.each<[string, string, string, unknown[]]>([
    ['a target with a query', 'GET /a?b=c&d HTTP/1.1\r\n\r\n', 'http.request.uri.query.parameter', ['b=c', 'd']],
    ['a target with a path', 'GET /a?b=c&d HTTP/1.1\r\n\r\n', 'http.request.uri.path', ['/a']],
    ['cookies', 'GET / HTTP/1.1\r\nCookie: a=1; b=2\r\n\r\n', 'http.cookie_pair', ['a=1', 'b=2']],
    ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n', 'http.content_length', [12]],
    ['a length that is none', 'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n', 'http.content_length', []],
    ['a header in words', 'GET / HTTP/1.1\r\nAccept-Encoding: br\r\n\r\n', 'http.accept_encoding', ['br']],
  ])('takes %s apart', (_, message, field, values) => {
    expect(valuesOf(overTcp(80, message), field)).toEqual(values);
  });

  it.each(['Authorization', 'Proxy-Authorization'])('shows of %s where it is, and not what it says', (header) => {
    const tree = overTcp(80, `GET / HTTP/1.1\r\n${header}: Basic YTpi\r\n\r\n`);
    const field = `http.${header.toLowerCase().replace('-', '_')}`;
    expect(found(tree, field)).toMatchObject([{ offset: 70, lengthBytes: header.length + 14 }]);
    expect(JSON.stringify(tree)).not.toContain('YTpi');
  });

  it('shows a response’s line, and the place of its body', () => {
    const tree = overTcp(80, 'HTTP/1.1 404 Not Found\r\nServer: x\r\n\r\nbody');
    expect(valuesOf(tree, 'http.response.code')).toEqual([404]);
    expect(valuesOf(tree, 'http.response.phrase')).toEqual(['Not Found']);
    expect(found(tree, 'http.file_data')).toMatchObject([{ lengthBytes: 4 }]);
  });

  it('escapes what a terminal would obey', () => {
    const tree = overTcp(80, 'GET /\x1b[2J\\ HTTP/1.1\r\n\r\n');
    expect(valuesOf(tree, 'http.request.uri')).toEqual(['/\\x1b[2J\\\\']);
  });
});

describe('SCTP', () => {
  const packet = (...chunks: Uint8Array[]) =>
    dissectFrame(frameOf(132, concatenate(u16(5000, 5001, 0, 7, 0, 0), ...chunks)));

  it('shows each chunk, and the data of each', () => {
    const data = (value: string) =>
      concatenate(Uint8Array.of(0, 3), u16(16 + value.length, 0, 100, 1, 2, 0, 51), text(value));
    const tree = packet(data('four'), data('eightttt'), Uint8Array.of(11, 0, 0, 4));
    expect(valuesOf(tree, 'sctp.chunk_type')).toEqual([0, 0, 11]);
    expect(valuesOf(tree, 'sctp.data_e_bit')).toEqual([true, true]);
    expect(found(tree, 'data.data').map(({ lengthBytes }) => lengthBytes)).toEqual([4, 8]);
  });

  it('says which chunk does not fit, and stops', () => {
    const tree = packet(Uint8Array.of(11, 0, 0, 2), Uint8Array.of(11, 0, 0, 4));
    expect(valuesOf(tree, 'sctp.chunk_type')).toEqual([11]);
    expect(found(tree, '_ws.expert')).toHaveLength(1);
  });
});
