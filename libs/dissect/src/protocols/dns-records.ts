import { writeDomainName } from '../domain-name.js';
import { type Field, field, unit } from '../field.js';
import type { Layer } from '../layer.js';
import { writeCertificationAuthority } from './dns-caa.js';
import { writeOptions } from './dns-options.js';
import * as security from './dns-security.js';
import { writeServiceBinding } from './dns-service-binding.js';

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
const NAMING_AUTHORITY = {
  numbers: [field('dns.naptr.order', 'Order'), field('dns.naptr.preference', 'Preference')],
  texts: [
    [field('dns.naptr.flags_length', 'Flags length'), field('dns.naptr.flags', 'Flags')],
    [field('dns.naptr.service_length', 'Service length'), field('dns.naptr.service', 'Service')],
    [field('dns.naptr.regex_length', 'Expression length'), field('dns.naptr.regex', 'Expression')],
  ],
  replacement: field('dns.naptr.replacement', 'Replacement'),
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
    writeDomainName(record, EXCHANGE, at + 2);
  },
  16: writeTexts,
  28: (record, at, length) => (length === 16 ? record.ipv6(ADDRESS_6, at) : writeOther(record, at, length)),
  33: (record, at) => {
    for (const [i, number] of SERVICE.numbers.entries()) record.uint(number, at + 2 * i, 2);
    writeDomainName(record, SERVICE.target, at + 6);
  },
  35: bounded(writeNamingAuthority),
  39: nameOnly(field('dns.dname', 'Target name')),
  41: bounded(writeOptions),
  43: bounded(security.writeDelegation),
  44: bounded(security.writeShellKey),
  46: bounded(security.writeSignature),
  47: bounded(security.writeNextName),
  48: bounded(security.writeKey),
  50: bounded(security.writeNextHash),
  51: bounded(security.writeHashParameters),
  52: bounded(security.writeCertificateOfTls),
  59: bounded(security.writeDelegation),
  60: bounded(security.writeKey),
  64: bounded(writeServiceBinding),
  65: bounded(writeServiceBinding),
  257: bounded(writeCertificationAuthority),
};

/**
 * Of RFC 1035, 3.3 and 3.4; RFC 3596; RFC 2782; RFC 3403; what DNSSEC, EDNS and service bindings have stands in files of
 * their own. Others are bytes. An update that deletes a set of records has one without data (RFC 2136, 2.5.2).
 */
export function writeRecordData(record: Layer, type: number, at: number, length: number): void {
  if (length > 0) (writers[type] ?? writeOther)(record, at, length);
}

/** What reads past its record's data finds the message malformed. */
function bounded(write: (record: Layer, at: number, end: number) => void): Write {
  return (record, at, length) => write(record.over(record.slice.part(0, at + length)), at, at + length);
}

function writeOther(record: Layer, at: number, length: number): void {
  record.bytes(OTHER, at, length);
}

function nameOnly(which: Field): Write {
  return (record, at) => writeDomainName(record, which, at);
}

function writeAuthority(record: Layer, at: number): void {
  const mailboxAt = writeDomainName(record, AUTHORITY.server, at);
  const numbersAt = writeDomainName(record, AUTHORITY.mailbox, mailboxAt);
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

function writeNamingAuthority(record: Layer, at: number): void {
  for (const [i, number] of NAMING_AUTHORITY.numbers.entries()) record.uint(number, at + 2 * i, 2);
  let textAt = at + 4;
  for (const [length, text] of NAMING_AUTHORITY.texts) {
    const textLength = record.uint(length, textAt, 1);
    record.text(text, textAt + 1, textLength);
    textAt += 1 + textLength;
  }
  writeDomainName(record, NAMING_AUTHORITY.replacement, textAt);
}
