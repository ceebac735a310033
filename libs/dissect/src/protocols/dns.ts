import { type DomainName, readDomainName } from '../domain-name.js';
import { field, hex, named } from '../field.js';
import type { Layer } from '../layer.js';
import type { Protocol } from '../protocol.js';
import { RECORD_TYPE, recordTypes } from './dns-record-types.js';
import { writeRecordData } from './dns-records.js';

const ID = field('dns.id', 'Transaction ID', hex(4));
const FLAGS = field('dns.flags', 'Flags', hex(4));
const RESPONSE = field('dns.flags.response', 'Response');
const OPCODE = field('dns.flags.opcode', 'Opcode', named({ 0: 'query', 2: 'status', 4: 'notify', 5: 'update' }));
const AUTHORITATIVE = field('dns.flags.authoritative', 'Authoritative');
const TRUNCATED = field('dns.flags.truncated', 'Truncated');
const RECURSION_DESIRED = field('dns.flags.recdesired', 'Recursion desired');
const RECURSION_AVAILABLE = field('dns.flags.recavail', 'Recursion available');
const RESERVED = field('dns.flags.z', 'Reserved');
const AUTHENTICATED = field('dns.flags.authenticated', 'Authenticated data');
const CHECKING_DISABLED = field('dns.flags.checkdisable', 'Checking disabled');
const REPLY_CODE = field(
  'dns.flags.rcode',
  'Reply code',
  named({
    0: 'no error',
    1: 'format error',
    2: 'server failure',
    3: 'no such name',
    4: 'not implemented',
    5: 'refused',
  }),
);
const QUERY_NAME = field('dns.qry.name', 'Name');
const QUERY_TYPE = field('dns.qry.type', 'Type', named(recordTypes));
const QUERY_CLASS = field('dns.qry.class', 'Class', hex(4));
const QUERY_UNICAST = field('dns.qry.qu', 'Unicast answer wanted');
const NAME = field('dns.resp.name', 'Name');
/** Of a service's records, `_https._tcp.example.org` (RFC 2782). */
const SERVICE_NAME = [
  field('dns.srv.service', 'Service'),
  field('dns.srv.proto', 'Protocol'),
  field('dns.srv.name', 'Name'),
];
const CLASS = field('dns.resp.class', 'Class', hex(4));
const CACHE_FLUSH = field('dns.resp.cache_flush', 'Cache flush');
const TTL = field('dns.resp.ttl', 'Time to live');
const LENGTH = field('dns.resp.len', 'Data length');
const PAYLOAD_SIZE = field('dns.rr.udp_payload_size', 'UDP payload size');
const EXTENDED_CODE = field('dns.resp.ext_rcode', 'Extended reply code', hex(2));
const VERSION = field('dns.resp.edns0_version', 'EDNS version');
const EXTENDED_FLAGS = field('dns.resp.z', 'Flags', hex(4));
const DNSSEC_OK = field('dns.resp.z.do', 'DNSSEC accepted');
const EXTENDED_RESERVED = field('dns.resp.z.reserved', 'Reserved', hex(4));
const MESSAGE_LENGTH = field('dns.length', 'Length');

const HEADER_BYTES = 12;
const SRV = 33;
const OPT = 41;
const SECTIONS = [
  { field: field('dns.count.queries', 'Questions'), name: 'Queries', write: writeQuestion },
  { field: field('dns.count.answers', 'Answers'), name: 'Answers', write: writeRecord },
  { field: field('dns.count.auth_rr', 'Authorities'), name: 'Authorities', write: writeRecord },
  { field: field('dns.count.add_rr', 'Additional'), name: 'Additional records', write: writeRecord },
];
/** Multicast DNS has one bit of the class for itself (RFC 6762, 18). */
interface Dialect {
  readonly isMulticast: boolean;
}

/** RFC 1035, 4.1. */
export const dns: Protocol = messages('dns', 'Domain Name System', { isMulticast: false });
export const multicastDns: Protocol = messages('mdns', 'Multicast Domain Name System', { isMulticast: true });

function messages(name: string, title: string, dialect: Dialect): Protocol {
  return {
    name,
    title,
    dissect(layer) {
      writeMessage(layer, dialect);
      return undefined;
    },
  };
}

/** Over TCP each message has its length before it (RFC 1035, 4.2.2). */
export const dnsOverTcp: Protocol = {
  name: 'dns',
  title: 'Domain Name System',
  // Segments from the middle of a message begin with anything.
  accepts: (payload) => payload.capturedLength >= 2 && payload.u16(0) >= HEADER_BYTES,
  dissect(layer, next) {
    const length = layer.uint(MESSAGE_LENGTH, 0, 2);
    layer.setLength(2 + length);
    const { slice } = layer;
    writeMessage(layer.over(slice.goingOn(2, length)), { isMulticast: false });
    const rest = slice.part(2 + length, slice.presentLength - 2 - length);
    next.byPorts('tcp port', [53], rest);
    return undefined;
  },
};

function writeMessage(layer: Layer, dialect: Dialect): void {
  layer.uint(ID, 0, 2);
  writeFlags(layer);
  const counts = SECTIONS.map(({ field }, i) => layer.uint(field, 4 + 2 * i, 2));
  let at = HEADER_BYTES;
  for (const [i, { name, write }] of SECTIONS.entries()) {
    const count = counts[i]!;
    if (count === 0) continue;
    const start = at;
    layer.group('dns.section', name, start, 0, (section) => {
      for (let record = 0; record < count; record++) {
        at = write(section, at, dialect);
        section.setLength(at - start);
      }
    });
  }
}

function writeFlags(layer: Layer): void {
  const flags = layer.uint(FLAGS, 2, 2);
  layer.within((inner) => {
    const isResponse = inner.flag(RESPONSE, 2, 2, 0x8000);
    inner.bits(OPCODE, 2, 2, 0x7800);
    if (isResponse) inner.flag(AUTHORITATIVE, 2, 2, 0x0400);
    inner.flag(TRUNCATED, 2, 2, 0x0200);
    inner.flag(RECURSION_DESIRED, 2, 2, 0x0100);
    if (isResponse) inner.flag(RECURSION_AVAILABLE, 2, 2, 0x0080);
    inner.flag(RESERVED, 2, 2, 0x0040);
    // In a query, it says that who asks would know (RFC 6840, 5.7).
    if (isResponse || (flags & 0x0020) !== 0) inner.flag(AUTHENTICATED, 2, 2, 0x0020);
    inner.flag(CHECKING_DISABLED, 2, 2, 0x0010);
    if (isResponse) inner.add(REPLY_CODE, 2, 2, flags & 0xf);
  });
}

/** @returns where the next one begins */
function writeQuestion(section: Layer, at: number, { isMulticast }: Dialect): number {
  const { text, lengthBytes } = readDomainName(section.slice, at);
  const typeAt = at + lengthBytes;
  section.group('dns.question', text, at, lengthBytes + 4, (question) => {
    question.add(QUERY_NAME, at, lengthBytes, text);
    question.uint(QUERY_TYPE, typeAt, 2);
    question.bits(QUERY_CLASS, typeAt + 2, 2, isMulticast ? 0x7fff : 0xffff);
    if (isMulticast) question.flag(QUERY_UNICAST, typeAt + 2, 2, 0x8000);
  });
  return typeAt + 4;
}

/** @returns where the next one begins */
function writeRecord(section: Layer, at: number, { isMulticast }: Dialect): number {
  const { text, lengthBytes } = readDomainName(section.slice, at);
  const typeAt = at + lengthBytes;
  const dataAt = typeAt + 10;
  let end = dataAt;
  section.group('dns.record', text, at, dataAt - at, (record) => {
    const type = record.slice.u16(typeAt);
    writeOwner(record, at, { text, lengthBytes }, type);
    record.uint(RECORD_TYPE, typeAt, 2);
    record.setText(`${text}: ${recordTypes[type] ?? type}`);
    record.bits(type === OPT ? PAYLOAD_SIZE : CLASS, typeAt + 2, 2, isMulticast ? 0x7fff : 0xffff);
    if (isMulticast) record.flag(CACHE_FLUSH, typeAt + 2, 2, 0x8000);
    if (type === OPT) writeExtension(record, typeAt + 4);
    else record.uint(TTL, typeAt + 4, 4);
    const dataLength = record.uint(LENGTH, typeAt + 8, 2);
    end = dataAt + dataLength;
    record.setLength(end - at);
    writeRecordData(record, type, dataAt, dataLength);
  });
  return end;
}

/** The owner's name, which Wireshark splits where it is a service's. */
function writeOwner(record: Layer, at: number, { text, lengthBytes }: DomainName, type: number): void {
  if (type !== SRV) {
    record.add(NAME, at, lengthBytes, text);
    return;
  }
  const [service = '', protocol, ...name] = text.split('.');
  const parts = [service, protocol, name.length > 0 ? name.join('.') : undefined];
  for (const [i, part] of parts.entries()) if (part !== undefined) record.add(SERVICE_NAME[i]!, at, lengthBytes, part);
}

/** The pseudo record of EDNS puts its own into the class, and these into the time to live (RFC 6891, 6.1.2). */
function writeExtension(record: Layer, at: number): void {
  record.uint(EXTENDED_CODE, at, 1);
  record.uint(VERSION, at + 1, 1);
  record.uint(EXTENDED_FLAGS, at + 2, 2);
  record.within((inner) => {
    inner.flag(DNSSEC_OK, at + 2, 2, 0x8000);
    inner.bits(EXTENDED_RESERVED, at + 2, 2, 0x7fff);
  });
}
