import { writeDomainName } from '../domain-name.js';
import { type Field, field, named, unit } from '../field.js';
import type { Layer } from '../layer.js';

/** RFC 9460, 14.3.2; RFC 9461; RFC 9230. */
const parameterKeys: Readonly<Record<number, string>> = {
  0: 'mandatory',
  1: 'alpn',
  2: 'no-default-alpn',
  3: 'port',
  4: 'ipv4hint',
  5: 'ech',
  6: 'ipv6hint',
  7: 'dohpath',
  8: 'ohttp',
  32769: 'odohconfig',
};
const PRIORITY = field('dns.svcb.svcpriority', 'Priority');
const TARGET = field('dns.svcb.targetname', 'Target');
const KEY = field('dns.svcb.svcparam.key', 'Key', named(parameterKeys));
const LENGTH = field('dns.svcb.svcparam.value.length', 'Length', unit('bytes'));
const VALUE = field('dns.svcb.svcparam.value', 'Value');
const MANDATORY = field('dns.svcb.svcparam.mandatory.key', 'Mandatory key', named(parameterKeys));
const PROTOCOL_LENGTH = field('dns.svcb.svcparam.alpn.length', 'Length', unit('bytes'));
const PROTOCOL = field('dns.svcb.svcparam.alpn', 'Protocol');
const PORT = field('dns.svcb.svcparam.port', 'Port');
const ADDRESS = field('dns.svcb.svcparam.ipv4hint.ip', 'Address');
const ADDRESS_6 = field('dns.svcb.svcparam.ipv6hint.ip', 'Address');

const PARAMETER_HEADER_BYTES = 4;

type Write = (parameter: Layer, at: number, end: number) => void;

const writers: Readonly<Record<number, Write>> = {
  0: listed(2, (parameter, at) => parameter.uint(MANDATORY, at, 2)),
  1: writeProtocols,
  3: (parameter, at) => parameter.uint(PORT, at, 2),
  4: listed(4, (parameter, at) => parameter.ipv4(ADDRESS, at)),
  5: bytesOf(field('dns.svcb.svcparam.echconfig', 'Encrypted ClientHello')),
  6: listed(16, (parameter, at) => parameter.ipv6(ADDRESS_6, at)),
  32769: bytesOf(field('dns.svcb.svcparam.odohconfig', 'Oblivious DoH')),
};

/** Of HTTPS and SVCB records: RFC 9460, 2.2. */
export function writeServiceBinding(record: Layer, at: number, end: number): void {
  record.uint(PRIORITY, at, 2);
  for (let parameterAt = writeDomainName(record, TARGET, at + 2); parameterAt < end; ) {
    parameterAt = writeParameter(record, parameterAt);
  }
}

/** @returns where the next one begins */
function writeParameter(record: Layer, at: number): number {
  const key = record.slice.u16(at);
  const valueAt = at + PARAMETER_HEADER_BYTES;
  const end = valueAt + record.slice.u16(at + 2);
  record.group('dns.svcb.svcparam', `Parameter: ${parameterKeys[key] ?? key}`, at, end - at, (group) => {
    const parameter = group.over(group.slice.part(0, end));
    parameter.uint(KEY, at, 2);
    parameter.uint(LENGTH, at + 2, 2);
    const write = writers[key] ?? (end > valueAt ? bytesOf(VALUE) : undefined);
    write?.(parameter, valueAt, end);
  });
  return end;
}

function writeProtocols(parameter: Layer, at: number, end: number): void {
  while (at < end) {
    const length = parameter.uint(PROTOCOL_LENGTH, at, 1);
    parameter.text(PROTOCOL, at + 1, length);
    at += 1 + length;
  }
}

function bytesOf(which: Field): Write {
  return (parameter, at, end) => parameter.bytes(which, at, end - at);
}

/** Values of one size up to the end. */
function listed(size: number, write: (parameter: Layer, at: number) => void): Write {
  return (parameter, at, end) => {
    for (; at < end; at += size) write(parameter, at);
  };
}
