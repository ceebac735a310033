import { readDomainName } from '../domain-name.js';
import { type Field, field, unit } from '../field.js';
import type { Layer } from '../layer.js';

export const recordTypes: Readonly<Record<number, string>> = {
  1: 'A',
  2: 'NS',
  5: 'CNAME',
  6: 'SOA',
  12: 'PTR',
  15: 'MX',
  16: 'TXT',
  28: 'AAAA',
  33: 'SRV',
  35: 'NAPTR',
  39: 'DNAME',
  41: 'OPT',
  43: 'DS',
  46: 'RRSIG',
  47: 'NSEC',
  48: 'DNSKEY',
  50: 'NSEC3',
  52: 'TLSA',
  64: 'SVCB',
  65: 'HTTPS',
  255: 'ANY',
  257: 'CAA',
};

const ADDRESS = field('dns.a', 'Address');
const ADDRESS_6 = field('dns.aaaa', 'AAAA address');
const TEXT_LENGTH = field('dns.txt.length', 'Text length');
const TEXT = field('dns.txt', 'Text');
const PREFERENCE = field('dns.mx.preference', 'Preference');
const EXCHANGE = field('dns.mx.mail_exchange', 'Mail exchange');
const AUTHORITY = {
  server: field('dns.soa.mname', 'Primary server'),
  mailbox: field('dns.soa.rname', 'Mailbox'),
  numbers: [
    field('dns.soa.serial_number', 'Serial number'),
    field('dns.soa.refresh_interval', 'Refresh interval', unit('s')),
    field('dns.soa.retry_interval', 'Retry interval', unit('s')),
    field('dns.soa.expire_limit', 'Expire limit', unit('s')),
    field('dns.soa.minimum_ttl', 'Minimum time to live', unit('s')),
  ],
} as const;
const SERVICE = {
  numbers: [field('dns.srv.priority', 'Priority'), field('dns.srv.weight', 'Weight'), field('dns.srv.port', 'Port')],
  target: field('dns.srv.target', 'Target'),
} as const;
const OTHER = field('dns.data', 'Data');

type Write = (record: Layer, at: number, length: number) => void;

const writers: Readonly<Record<number, Write>> = {
  1: (record, at, length) => (length === 4 ? record.ipv4(ADDRESS, at) : writeOther(record, at, length)),
  2: nameOnly(field('dns.ns', 'Name server')),
  5: nameOnly(field('dns.cname', 'Canonical name')),
  6: writeAuthority,
  12: nameOnly(field('dns.ptr.domain_name', 'Domain name')),
  15: (record, at) => {
    record.uint(PREFERENCE, at, 2);
    writeName(record, EXCHANGE, at + 2);
  },
  16: writeTexts,
  28: (record, at, length) => (length === 16 ? record.ipv6(ADDRESS_6, at) : writeOther(record, at, length)),
  33: (record, at) => {
    for (const [i, number] of SERVICE.numbers.entries()) record.uint(number, at + 2 * i, 2);
    writeName(record, SERVICE.target, at + 6);
  },
  39: nameOnly(field('dns.dname', 'Target name')),
};

/** Of RFC 1035, 3.3 and 3.4; RFC 3596; RFC 2782. Others are bytes. */
export function writeRecordData(record: Layer, type: number, at: number, length: number): void {
  (writers[type] ?? writeOther)(record, at, length);
}

function writeOther(record: Layer, at: number, length: number): void {
  if (length > 0) record.bytes(OTHER, at, length);
}

/** @returns where it ends */
function writeName(record: Layer, which: Field, at: number): number {
  const { text, lengthBytes } = readDomainName(record.slice, at);
  record.add(which, at, lengthBytes, text);
  return at + lengthBytes;
}

function nameOnly(which: Field): Write {
  return (record, at) => writeName(record, which, at);
}

function writeAuthority(record: Layer, at: number): void {
  const mailboxAt = writeName(record, AUTHORITY.server, at);
  const numbersAt = writeName(record, AUTHORITY.mailbox, mailboxAt);
  for (const [i, number] of AUTHORITY.numbers.entries()) record.uint(number, numbersAt + 4 * i, 4);
}

function writeTexts(record: Layer, at: number, length: number): void {
  const end = at + length;
  while (at < end) {
    const textLength = record.uint(TEXT_LENGTH, at, 1);
    if (at + 1 + textLength > end) {
      record.odd(`a text of ${textLength} bytes is longer than its record`);
      return;
    }
    record.text(TEXT, at + 1, textLength);
    at += 1 + textLength;
  }
}
