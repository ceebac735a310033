import { type Field, field, hex, named, unit } from '../field.js';
import type { Layer } from '../layer.js';

export const extensionTypes: Readonly<Record<number, string>> = {
  0: 'server name',
  5: 'status request',
  10: 'supported groups',
  11: 'point formats',
  13: 'signature algorithms',
  16: 'application protocols (ALPN)',
  18: 'signed certificate timestamps',
  21: 'padding',
  22: 'encrypt then MAC',
  23: 'extended master secret',
  27: 'certificate compression',
  35: 'session ticket',
  41: 'pre-shared key',
  42: 'early data',
  43: 'supported versions',
  44: 'cookie',
  45: 'key exchange modes',
  50: 'signature algorithms of certificates',
  51: 'key share',
  57: 'QUIC parameters',
  65037: 'encrypted client hello',
  65281: 'renegotiation',
};
const NAMES_LENGTH = field('tls.handshake.extensions_server_name_list_len', 'Server names length', unit('bytes'));
const NAME_TYPE = field('tls.handshake.extensions_server_name_type', 'Type', named({ 0: 'host name' }));
const NAME_LENGTH = field('tls.handshake.extensions_server_name_len', 'Length', unit('bytes'));
const NAME = field('tls.handshake.extensions_server_name', 'Server name');
const ALPN_LENGTH = field('tls.handshake.extensions_alpn_len', 'Protocols length', unit('bytes'));
const ALPN_NAME_LENGTH = field('tls.handshake.extensions_alpn_str_len', 'Length', unit('bytes'));
const ALPN_NAME = field('tls.handshake.extensions_alpn_str', 'Protocol');
const VERSIONS_LENGTH = field('tls.handshake.extensions.supported_versions_len', 'Versions length', unit('bytes'));
const VERSION = field('tls.handshake.extensions.supported_version', 'Version', hex(4));
const GROUPS_LENGTH = field('tls.handshake.extensions_supported_groups_length', 'Groups length', unit('bytes'));
const GROUP = field('tls.handshake.extensions_supported_group', 'Group', hex(4));
const FORMATS_LENGTH = field('tls.handshake.extensions_ec_point_formats_length', 'Formats length', unit('bytes'));
const FORMAT = field('tls.handshake.extensions_ec_point_format', 'Format', named({ 0: 'uncompressed' }));
const ALGORITHMS_LENGTH = field('tls.handshake.sig_hash_alg_len', 'Algorithms length', unit('bytes'));
const ALGORITHM = field('tls.handshake.sig_hash_alg', 'Algorithm', hex(4));
/** The two halves that an algorithm was made of before TLS 1.3 (RFC 5246, 7.4.1.4.1). */
const HASH = field('tls.handshake.sig_hash_hash', 'Hash');
const SIGNATURE = field('tls.handshake.sig_hash_sig', 'Signature');
const DATA = field('tls.handshake.extension.data', 'Data');

type Write = (extension: Layer, isClient: boolean) => void;

const writers: Readonly<Record<number, Write>> = {
  0: writeServerNames,
  10: listed(GROUPS_LENGTH, 'tls.handshake.extensions_supported_groups', 'Groups', (groups, at) =>
    groups.uint(GROUP, at, 2),
  ),
  11: writePointFormats,
  13: listed(ALGORITHMS_LENGTH, 'tls.handshake.sig_hash_algs', 'Algorithms', (algorithms, at) => {
    algorithms.uint(ALGORITHM, at, 2);
    algorithms.within((halves) => {
      halves.uint(HASH, at, 1);
      halves.uint(SIGNATURE, at + 1, 1);
    });
  }),
  16: writeApplicationProtocols,
  // The server's choice stands alone (RFC 8446, 4.2.1).
  43: (extension, isClient) => (isClient ? writeVersions(extension) : extension.uint(VERSION, 0, 2)),
};

/** What is behind an extension's length: `extension` reads nothing else. */
export function writeExtension(extension: Layer, type: number, isClient: boolean): void {
  const { length } = extension.slice;
  if (length === 0) return;
  (writers[type] ?? (() => extension.bytes(DATA, 0, length)))(extension, isClient);
}

/** RFC 6066, 3. */
function writeServerNames(extension: Layer): void {
  extension.uint(NAMES_LENGTH, 0, 2);
  for (let at = 2; at + 3 <= extension.slice.length; ) {
    extension.uint(NAME_TYPE, at, 1);
    const length = extension.uint(NAME_LENGTH, at + 1, 2);
    extension.text(NAME, at + 3, length);
    at += 3 + length;
  }
}

/** RFC 7301, 3.1. */
function writeApplicationProtocols(extension: Layer): void {
  const listLength = extension.uint(ALPN_LENGTH, 0, 2);
  extension.group('tls.handshake.extensions_alpn_list', 'Protocols', 2, listLength, (list) => {
    for (let at = 2; at < list.slice.length; ) {
      const length = list.uint(ALPN_NAME_LENGTH, at, 1);
      list.text(ALPN_NAME, at + 1, length);
      at += 1 + length;
    }
  });
}

/** A list of 16-bit numbers behind its length. */
function listed(length: Field, name: string, title: string, write: (list: Layer, at: number) => void): Write {
  return (extension) => {
    const listLength = extension.uint(length, 0, 2);
    const end = Math.min(2 + listLength, extension.slice.length);
    extension.group(name, title, 2, listLength, (list) => {
      for (let at = 2; at + 2 <= end; at += 2) write(list, at);
    });
  };
}

/** RFC 8422, 5.1.2. */
function writePointFormats(extension: Layer): void {
  const listLength = extension.uint(FORMATS_LENGTH, 0, 1);
  const end = Math.min(1 + listLength, extension.slice.length);
  extension.group('tls.handshake.extensions_ec_point_formats', 'Formats', 1, listLength, (formats) => {
    for (let at = 1; at < end; at++) formats.uint(FORMAT, at, 1);
  });
}

/** RFC 8446, 4.2.1. */
function writeVersions(extension: Layer): void {
  const end = Math.min(1 + extension.uint(VERSIONS_LENGTH, 0, 1), extension.slice.length);
  for (let at = 1; at + 2 <= end; at += 2) extension.uint(VERSION, at, 2);
}
