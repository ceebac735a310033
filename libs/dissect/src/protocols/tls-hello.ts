import { field, hex, named, unit } from '../field.js';
import type { Layer } from '../layer.js';
import { extensionTypes, writeExtension } from './tls-extensions.js';

export const versions: Readonly<Record<number, string>> = {
  768: 'SSL 3.0',
  769: 'TLS 1.0',
  770: 'TLS 1.1',
  771: 'TLS 1.2',
  772: 'TLS 1.3',
};
const VERSION = field('tls.handshake.version', 'Version', named(versions, hex(4)));
const RANDOM = field('tls.handshake.random', 'Random');
const SESSION_ID_LENGTH = field('tls.handshake.session_id_length', 'Session ID length');
const SESSION_ID = field('tls.handshake.session_id', 'Session ID');
const SUITES_LENGTH = field('tls.handshake.cipher_suites_length', 'Cipher suites length', unit('bytes'));
const SUITE = field('tls.handshake.ciphersuite', 'Cipher suite', hex(4));
const METHODS_LENGTH = field('tls.handshake.comp_methods_length', 'Compression methods length');
const METHOD = field('tls.handshake.comp_method', 'Compression method');
const EXTENSIONS_LENGTH = field('tls.handshake.extensions_length', 'Extensions length', unit('bytes'));
const EXTENSION_TYPE = field('tls.handshake.extension.type', 'Type', named(extensionTypes));
const EXTENSION_LENGTH = field('tls.handshake.extension.len', 'Length', unit('bytes'));

const RANDOM_BYTES = 32;

/** ClientHello and ServerHello, which are alike but for lists where the client has a choice (RFC 8446, 4.1.2 and 4.1.3). */
export function writeHello(hello: Layer, isClient: boolean): void {
  hello.uint(VERSION, 0, 2);
  hello.bytes(RANDOM, 2, RANDOM_BYTES);
  let at = 2 + RANDOM_BYTES;
  const sessionIdLength = hello.uint(SESSION_ID_LENGTH, at, 1);
  if (sessionIdLength > 0) hello.bytes(SESSION_ID, at + 1, sessionIdLength);
  at += 1 + sessionIdLength;
  if (isClient) at = writeChoices(hello, at);
  else {
    hello.uint(SUITE, at, 2);
    hello.uint(METHOD, at + 2, 1);
    at += 3;
  }
  // Hellos before TLS 1.2 may end here (RFC 5246, 7.4.1.2).
  if (at < hello.slice.length) writeExtensions(hello, at, isClient);
}

/** @returns where the client's cipher suites and compression methods end */
function writeChoices(hello: Layer, at: number): number {
  const suitesLength = hello.uint(SUITES_LENGTH, at, 2);
  const suitesAt = at + 2;
  const methodsAt = suitesAt + suitesLength;
  hello.group('tls.handshake.ciphersuites', `Cipher suites (${suitesLength / 2})`, suitesAt, suitesLength, (suites) => {
    for (let suite = suitesAt; suite + 2 <= methodsAt; suite += 2) suites.uint(SUITE, suite, 2);
  });
  const methodsLength = hello.uint(METHODS_LENGTH, methodsAt, 1);
  const end = methodsAt + 1 + methodsLength;
  if (methodsLength > 0) {
    hello.group(
      'tls.handshake.comp_methods',
      `Compression methods (${methodsLength})`,
      methodsAt + 1,
      methodsLength,
      (methods) => {
        for (let method = methodsAt + 1; method < end; method++) methods.uint(METHOD, method, 1);
      },
    );
  }
  return end;
}

function writeExtensions(hello: Layer, at: number, isClient: boolean): void {
  const length = hello.uint(EXTENSIONS_LENGTH, at, 2);
  const end = Math.min(at + 2 + length, hello.slice.length);
  at += 2;
  while (at + 4 <= end) {
    const type = hello.slice.u16(at);
    const extensionLength = hello.slice.u16(at + 2);
    const start = at;
    const title = `Extension: ${extensionTypes[type] ?? type} (${extensionLength} bytes)`;
    hello.group('tls.handshake.extension', title, start, 4 + extensionLength, (extension) => {
      extension.uint(EXTENSION_TYPE, start, 2);
      extension.uint(EXTENSION_LENGTH, start + 2, 2);
      writeExtension(extension.over(extension.slice.part(start + 4, extensionLength)), type, isClient);
    });
    at += 4 + extensionLength;
  }
}
