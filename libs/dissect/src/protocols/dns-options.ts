import { formatIpv4, formatIpv6 } from '@bpfleet/packet';
import { type Field, field, named, unit } from '../field.js';
import type { Layer } from '../layer.js';

const optionCodes: Readonly<Record<number, string>> = {
  1: 'long-lived queries',
  2: 'update lease',
  3: 'name server identifier',
  5: 'DNSSEC algorithms understood',
  6: 'DS hashes understood',
  7: 'NSEC3 hashes understood',
  8: 'client subnet',
  9: 'expire',
  10: 'cookie',
  11: 'TCP keepalive',
  12: 'padding',
  13: 'chain',
  14: 'key tags',
  15: 'extended error',
};
/** RFC 8914, 4. */
const errorCodes: Readonly<Record<number, string>> = {
  0: 'other',
  1: 'unsupported DNSKEY algorithm',
  2: 'unsupported DS digest type',
  3: 'stale answer',
  4: 'forged answer',
  5: 'DNSSEC indeterminate',
  6: 'DNSSEC bogus',
  7: 'signature expired',
  8: 'signature not yet valid',
  9: 'DNSKEY missing',
  10: 'RRSIGs missing',
  11: 'no zone key bit set',
  12: 'NSEC missing',
  13: 'cached error',
  14: 'not ready',
  15: 'blocked',
  16: 'censored',
  17: 'filtered',
  18: 'prohibited',
  19: 'stale no such name',
  20: 'not authoritative',
  21: 'not supported',
  22: 'no reachable authority',
  23: 'network error',
  24: 'invalid data',
};
const CODE = field('dns.opt.code', 'Code', named(optionCodes));
const LENGTH = field('dns.opt.len', 'Length', unit('bytes'));
const DATA = field('dns.opt.data', 'Data');
const FAMILY = field('dns.opt.client.family', 'Family', named({ 1: 'IPv4', 2: 'IPv6' }));
const SOURCE_PREFIX = field('dns.opt.client.netmask', 'Source prefix length');
const SCOPE_PREFIX = field('dns.opt.client.scope', 'Scope prefix length');
const OTHER_ADDRESS = field('dns.opt.client.addr', 'Address');
const CLIENT_COOKIE = field('dns.opt.cookie.client', 'Client cookie');
const SERVER_COOKIE = field('dns.opt.cookie.server', 'Server cookie');
const TIMEOUT = field('dns.opt.edns_tcp_keepalive.timeout', 'Timeout', (value) => `${value / 10} s`);
const PADDING = field('dns.opt.padding', 'Padding');
const ERROR_CODE = field('dns.opt.ext_error.info_code', 'Code', named(errorCodes));
const ERROR_TEXT = field('dns.opt.ext_error.extra_text', 'Text');

const OPTION_HEADER_BYTES = 4;
const CLIENT_COOKIE_BYTES = 8;

interface Family {
  readonly field: Field;
  readonly bytes: number;
  readonly format: (bytes: Uint8Array, at: number) => string;
}
const families: Readonly<Record<number, Family>> = {
  1: { field: field('dns.opt.client.addr4', 'Address'), bytes: 4, format: formatIpv4 },
  2: { field: field('dns.opt.client.addr6', 'Address'), bytes: 16, format: formatIpv6 },
};

const writers: Readonly<Record<number, (option: Layer, at: number, end: number) => void>> = {
  5: listed(field('dns.opt.dau', 'Algorithm')),
  6: listed(field('dns.opt.dhu', 'Hash')),
  7: listed(field('dns.opt.n3u', 'Hash')),
  8: writeClientSubnet,
  10: (option, at, end) => {
    option.bytes(CLIENT_COOKIE, at, CLIENT_COOKIE_BYTES);
    option.bytes(SERVER_COOKIE, at + CLIENT_COOKIE_BYTES, end - at - CLIENT_COOKIE_BYTES);
  },
  // A client has none to say (RFC 7828, 3.2.1).
  11: (option, at, end) => end > at && option.uint(TIMEOUT, at, 2),
  12: (option, at, end) => option.bytes(PADDING, at, end - at),
  15: writeError,
};

/** EDNS's (RFC 6891, 6.1.2). Of any, what it says is shown as bytes, too. */
export function writeOptions(record: Layer, at: number, end: number): void {
  while (at < end) {
    const code = record.slice.u16(at);
    const dataAt = at + OPTION_HEADER_BYTES;
    const dataEnd = dataAt + record.slice.u16(at + 2);
    record.group('dns.opt', `Option: ${optionCodes[code] ?? code}`, at, dataEnd - at, (group) => {
      const option = group.over(group.slice.part(0, dataEnd));
      option.uint(CODE, at, 2);
      option.uint(LENGTH, at + 2, 2);
      writers[code]?.(option, dataAt, dataEnd);
      option.bytes(DATA, dataAt, dataEnd - dataAt);
    });
    at = dataEnd;
  }
}

function listed(which: Field) {
  return (option: Layer, at: number, end: number): void => {
    for (; at < end; at++) option.uint(which, at, 1);
  };
}

/** RFC 7871, 6: of the address only the bytes that the prefix reaches into. */
function writeClientSubnet(option: Layer, at: number, end: number): void {
  const family = families[option.uint(FAMILY, at, 2)];
  option.uint(SOURCE_PREFIX, at + 2, 1);
  option.uint(SCOPE_PREFIX, at + 3, 1);
  const [addressAt, length] = [at + 4, end - at - 4];
  if (family === undefined) {
    option.bytes(OTHER_ADDRESS, addressAt, length);
    return;
  }
  option.slice.need(addressAt, length);
  const { bytes, start } = option.slice;
  const address = new Uint8Array(family.bytes);
  address.set(bytes.subarray(start + addressAt, start + addressAt + Math.min(length, family.bytes)));
  option.add(family.field, addressAt, length, family.format(address, 0));
}

/** RFC 8914, 2. */
function writeError(option: Layer, at: number, end: number): void {
  if (at === end) return;
  option.uint(ERROR_CODE, at, 2);
  if (end > at + 2) option.text(ERROR_TEXT, at + 2, end - at - 2);
}
