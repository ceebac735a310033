import { concatenate } from '@bpfleet/packet';
import type { Random } from '../random.js';
import { ascii, bytes, hostName, u16, u32 } from './pieces.js';

interface Application {
  readonly port: number;
  readonly payload: Uint8Array;
}

export function overUdp(random: Random, kinds: string[]): Application {
  if (random.chance(25)) {
    kinds.push('multicast DNS');
    return { port: 5353, payload: dnsMessage(random, random.chance(50), true) };
  }
  const isAnswer = random.chance(60);
  kinds.push(isAnswer ? 'DNS answer' : 'DNS query');
  return { port: 53, payload: dnsMessage(random, isAnswer, false) };
}

export function overTcp(random: Random, kinds: string[]): Application {
  return random.of([
    () => {
      kinds.push('DNS over TCP');
      const message = dnsMessage(random, true, false);
      return { port: 53, payload: concatenate(u16(message.length), message) };
    },
    () => {
      kinds.push('TLS hello');
      return { port: 443, payload: tlsHello(random, random.chance(70)) };
    },
    () => {
      kinds.push('TLS records');
      return { port: 443, payload: tlsRecords(random) };
    },
    () => {
      kinds.push('HTTP request');
      return { port: 80, payload: ascii(httpRequest(random)) };
    },
    () => {
      kinds.push('HTTP response');
      return { port: 80, payload: ascii(httpResponse(random)) };
    },
  ])();
}

const name = (value: string): Uint8Array =>
  concatenate(
    ...value.split('.').map((label) => concatenate(Uint8Array.of(label.length), ascii(label))),
    Uint8Array.of(0),
  );

function dnsMessage(random: Random, isAnswer: boolean, isMulticast: boolean): Uint8Array {
  const asked = hostName(random);
  const type = random.of([1, 28, 15, 16, 2, 5, 6, 12]);
  const answers = isAnswer ? Array.from({ length: 1 + random.below(4) }, () => dnsRecord(random, isMulticast)) : [];
  const authorities = isAnswer && random.chance(20) ? [dnsRecord(random, isMulticast)] : [];
  const extension = concatenate(Uint8Array.of(0), u16(41, 1232), Uint8Array.of(0, 0), u16(random.below(65_536), 0));
  const additional = random.chance(30) ? [extension] : [];
  const flags = isAnswer ? 0x8000 | random.below(0x800) | 0x20 : random.of([0x0100, 0x0120, 0x0110, 0]);
  return concatenate(
    u16(random.below(65_536), flags, 1, answers.length, authorities.length, additional.length),
    name(asked),
    u16(type, isMulticast && random.chance(50) ? 0x8001 : 1),
    ...answers,
    ...authorities,
    ...additional,
  );
}

/** Its name is a pointer to the question's, or a name of its own. */
function dnsRecord(random: Random, isMulticast: boolean): Uint8Array {
  const pointer = u16(0xc00c);
  const someName = () =>
    random.of([pointer, name(hostName(random)), concatenate(Uint8Array.of(3), ascii('sub'), pointer)]);
  const numbers = (count: number) => Array.from({ length: count }, () => random.below(65_536));
  const [type, data] = random.of<() => [number, Uint8Array]>([
    () => [1, bytes(random, 4)],
    () => [28, bytes(random, 16)],
    () => [2, someName()],
    () => [5, someName()],
    () => [12, someName()],
    () => [39, name(hostName(random))],
    () => [15, concatenate(u16(...numbers(1)), someName())],
    () => [
      16,
      concatenate(...Array.from({ length: 1 + random.below(2) }, () => concatenate(Uint8Array.of(5), ascii('a=b c')))),
    ],
    () => [6, concatenate(someName(), someName(), u32(...Array.from({ length: 5 }, () => random.below(2 ** 31))))],
    () => [33, concatenate(u16(...numbers(3)), name(hostName(random)))],
  ])();
  const owner = type === 33 ? name('_http._tcp.example.org') : someName();
  return concatenate(
    owner,
    u16(type, isMulticast && random.chance(50) ? 0x8001 : 1),
    u32(random.below(86_400)),
    u16(data.length),
    data,
  );
}

const record = (type: number, fragment: Uint8Array): Uint8Array =>
  concatenate(Uint8Array.of(type, 3, 3), u16(fragment.length), fragment);

function tlsHello(random: Random, isClient: boolean): Uint8Array {
  const withLength = (data: Uint8Array) => concatenate(u16(data.length), data);
  const extension = (type: number, data: Uint8Array) => concatenate(u16(type), withLength(data));
  const host = ascii(hostName(random));
  const protocols = concatenate(
    ...random.of([['h2'], ['h2', 'http/1.1']]).map((one) => concatenate(Uint8Array.of(one.length), ascii(one))),
  );
  const extensions = isClient
    ? [
        extension(0, withLength(concatenate(Uint8Array.of(0), withLength(host)))),
        extension(10, withLength(u16(0x1d, 0x17))),
        extension(13, withLength(u16(0x0403, 0x0804))),
        extension(16, withLength(protocols)),
        extension(43, Uint8Array.of(4, 3, 4, 3, 3)),
        extension(23, new Uint8Array()),
        // Of nobody (RFC 8446, 11).
        extension(0xff77, Uint8Array.of(1, 2, 3)),
      ].filter(() => random.chance(80))
    : [extension(43, u16(0x0304)), extension(16, withLength(concatenate(Uint8Array.of(2), ascii('h2'))))].filter(() =>
        random.chance(70),
      );
  const choices = isClient
    ? concatenate(withLength(u16(0x1301, 0x1302, 0xc02f)), Uint8Array.of(1, 0))
    : concatenate(u16(0xc02f), Uint8Array.of(0));
  const sessionId = bytes(random, random.of([0, 32]));
  const body = concatenate(
    u16(0x0303),
    bytes(random, 32),
    Uint8Array.of(sessionId.length),
    sessionId,
    choices,
    withLength(concatenate(...extensions)),
  );
  return record(22, concatenate(Uint8Array.of(isClient ? 1 : 2, 0), u16(body.length), body));
}

/** In the order of a handshake's end. */
function tlsRecords(random: Random): Uint8Array {
  return concatenate(
    ...[
      () => record(20, Uint8Array.of(1)),
      () => record(23, bytes(random, 1 + random.below(50))),
      () => record(21, Uint8Array.of(random.of([1, 2]), random.of([0, 10, 40, 48]))),
    ]
      .filter(() => random.chance(60))
      .map((make) => make()),
  );
}

function httpRequest(random: Random): string {
  const method = random.of([
    ...['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE', 'PATCH'],
    ...['PROPFIND', 'PROPPATCH', 'MKCOL', 'COPY', 'MOVE', 'LOCK', 'UNLOCK', 'REPORT', 'CHECKIN', 'VERSION-CONTROL'],
    ...['NOTIFY', 'SUBSCRIBE', 'UNSUBSCRIBE'],
  ]);
  const headers = [
    `Host: ${hostName(random)}`,
    ...[
      `User-Agent: curl/8.${random.below(9)}`,
      'Accept: */*',
      `Cookie: ${random.of(['a=1', 'a=1; b=2', 'a=1;b;c=', ''])}`,
      'Accept-Encoding: gzip, br',
      'Accept-Language: en',
      'Cache-Control: no-cache',
      'X-Forwarded-For: 192.0.2.1',
      'Upgrade: other/1',
      'Transfer-Encoding: identity',
      'Authorization: Basic YTpi',
      'Proxy-Authorization: Bearer abc',
      'X-Other: y',
      'Referer: http://a.example/',
    ].filter(() => random.chance(50)),
  ];
  return `${method} ${random.of(['/', '/a/b', '/index.html?q=1', '/a?b=c&d&e=', '/?', '?x', '*'])} HTTP/1.${random.below(2)}\r\n${headers.join('\r\n')}\r\n\r\n`;
}

function httpResponse(random: Random): string {
  const [code, reason] = random.of([
    [200, 'OK'],
    [404, 'Not Found'],
    [302, 'Found'],
    [500, 'Internal Server Error'],
  ]);
  const body = 'x'.repeat(random.of([0, 0, 9]));
  // A body with a type has a layer of its own there.
  const types = body === '' ? ['Content-Type: text/plain'] : [];
  const headers = [
    'Server: nginx',
    ...types,
    'Connection: close',
    'Location: /b',
    'Set-Cookie: a=1; Secure',
    'WWW-Authenticate: Basic realm=x',
    'Date: Mon, 30 Nov 2026 11:00:00 GMT',
    'Last-Modified: Mon, 30 Nov 2026 11:00:00 GMT',
    'Content-Encoding: identity',
  ].filter(() => random.chance(60));
  return `HTTP/1.1 ${code} ${reason}\r\n${[...headers, `Content-Length: ${body.length}`].join('\r\n')}\r\n\r\n${body}`;
}
