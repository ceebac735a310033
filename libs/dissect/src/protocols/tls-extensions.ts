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
const ALGORITHMS_LENGTH = field('tls.handshake.sig_hash_alg_len', 'Algorithms length', unit('bytes'));
const ALGORITHM = field('tls.handshake.sig_hash_alg', 'Algorithm', hex(4));
const DATA = field('tls.handshake.extension.data', 'Data');

type Write = (extension: Layer, isClient: boolean) => void;

const writers: Readonly<Record<number, Write>> = {
  0: writeServerNames,
  10: numbers(GROUPS_LENGTH, GROUP, 2),
  13: numbers(ALGORITHMS_LENGTH, ALGORITHM, 2),
  16: writeApplicationProtocols,
  // The server's choice stands alone (RFC 8446, 4.2.1).
  43: (extension, isClient) =>
    isClient ? numbers(VERSIONS_LENGTH, VERSION, 1)(extension, isClient) : extension.uint(VERSION, 0, 2),
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
  extension.uint(ALPN_LENGTH, 0, 2);
  for (let at = 2; at < extension.slice.length; ) {
    const length = extension.uint(ALPN_NAME_LENGTH, at, 1);
    extension.text(ALPN_NAME, at + 1, length);
    at += 1 + length;
  }
}

/** A list of 16-bit numbers behind its length. */
function numbers(length: Field, number: Field, lengthBytes: 1 | 2): Write {
  return (extension) => {
    const end = Math.min(lengthBytes + extension.uint(length, 0, lengthBytes), extension.slice.length);
    for (let at = lengthBytes; at + 2 <= end; at += 2) extension.uint(number, at, 2);
  };
}
