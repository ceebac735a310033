import { concatenate } from '@bpfleet/packet';
import type { Random } from '../random.js';
import { dnsMessage } from './dns-messages.js';
import { ascii, bytes, hostName, u16, withByteLength, withLength } from './pieces.js';

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

const record = (type: number, fragment: Uint8Array): Uint8Array =>
  concatenate(Uint8Array.of(type, 3, 3), u16(fragment.length), fragment);

function tlsHello(random: Random, isClient: boolean): Uint8Array {
  const extension = (type: number, data: Uint8Array) => concatenate(u16(type), withLength(data));
  const host = ascii(hostName(random));
  const protocols = concatenate(...random.of([['h2'], ['h2', 'http/1.1']]).map((one) => withByteLength(ascii(one))));
  const extensions = isClient
    ? [
        extension(0, withLength(concatenate(Uint8Array.of(0), withLength(host)))),
        extension(10, withLength(u16(0x1d, 0x17))),
        extension(11, withByteLength(bytes(random, random.of([1, 3])))),
        extension(13, withLength(u16(0x0403, 0x0804))),
        extension(16, withLength(protocols)),
        extension(43, Uint8Array.of(4, 3, 4, 3, 3)),
        extension(23, new Uint8Array()),
        // Of nobody (RFC 8446, 11).
        extension(0xff77, Uint8Array.of(1, 2, 3)),
      ].filter(() => random.chance(80))
    : [extension(43, u16(0x0304)), extension(16, withLength(withByteLength(ascii('h2'))))].filter(() =>
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
  const methods = random.of([
    ['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE', 'PATCH'],
    ['PROPFIND', 'PROPPATCH', 'MKCOL', 'COPY', 'MOVE', 'LOCK', 'UNLOCK', 'REPORT', 'CHECKIN', 'VERSION-CONTROL'],
    ['NOTIFY', 'SUBSCRIBE', 'UNSUBSCRIBE'],
  ]);
  const method = random.of(methods);
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
