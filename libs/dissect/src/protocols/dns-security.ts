import { writeDomainName } from '../domain-name.js';
import { type Field, field, hex, named } from '../field.js';
import type { Layer } from '../layer.js';
import { RECORD_TYPE, recordTypes } from './dns-record-types.js';

const algorithms: Readonly<Record<number, string>> = {
  5: 'RSA/SHA-1',
  7: 'RSASHA1-NSEC3-SHA1',
  8: 'RSA/SHA-256',
  10: 'RSA/SHA-512',
  13: 'ECDSA P-256 with SHA-256',
  14: 'ECDSA P-384 with SHA-384',
  15: 'Ed25519',
  16: 'Ed448',
};
const digests: Readonly<Record<number, string>> = { 1: 'SHA-1', 2: 'SHA-256', 4: 'SHA-384' };

/** A number, and of how many bytes. */
type NumberField = readonly [Field, bytes: number];

/** Seconds since 1970, of 32 bits that go on from 0 (RFC 4034, 3.1.5). */
const date = (value: number) => new Date(value * 1_000).toISOString();

const SIGNATURE: readonly NumberField[] = [
  [field('dns.rrsig.type_covered', 'Type covered', named(recordTypes)), 2],
  [field('dns.rrsig.algorithm', 'Algorithm', named(algorithms)), 1],
  [field('dns.rrsig.labels', 'Labels'), 1],
  [field('dns.rrsig.original_ttl', 'Original time to live'), 4],
  [field('dns.rrsig.signature_expiration', 'Signature expiration', date), 4],
  [field('dns.rrsig.signature_inception', 'Signature inception', date), 4],
  [field('dns.rrsig.key_tag', 'Key tag'), 2],
];
const SIGNER = field('dns.rrsig.signers_name', 'Signer');
const SIGNED = field('dns.rrsig.signature', 'Signature');

const KEY_FLAGS = field('dns.dnskey.flags', 'Flags', hex(4));
const ZONE_KEY = field('dns.dnskey.flags.zone_key', 'Zone key');
const REVOKED = field('dns.dnskey.flags.key_revoked', 'Revoked');
const ENTRY_POINT = field('dns.dnskey.flags.secure_entry_point', 'Key signing key');
const RESERVED = field('dns.dnskey.flags.reserved', 'Reserved', hex(4));
const KEY: readonly NumberField[] = [
  [field('dns.dnskey.protocol', 'Protocol'), 1],
  [field('dns.dnskey.algorithm', 'Algorithm', named(algorithms)), 1],
];
const PUBLIC_KEY = field('dns.dnskey.public_key', 'Public key');

const NEXT_NAME = field('dns.nsec.next_domain_name', 'Next name');
const HASH_ALGORITHM = field('dns.nsec3.algo', 'Hash algorithm', named({ 1: 'SHA-1' }));
const HASH_FLAGS = field('dns.nsec3.flags', 'Flags', hex(2));
const OPT_OUT = field('dns.nsec3.flags.opt_out', 'Opt-out');
const ITERATIONS = field('dns.nsec3.iterations', 'Iterations');
const SALT_LENGTH = field('dns.nsec3.salt_length', 'Salt length');
const SALT = field('dns.nsec3.salt_value', 'Salt');
const HASH_LENGTH = field('dns.nsec3.hash_length', 'Hash length');
const NEXT_HASH = field('dns.nsec3.hash_value', 'Next hashed owner');
const BASE_32 = '0123456789abcdefghijklmnopqrstuv';

type Write = (record: Layer, at: number, end: number) => void;

/** RFC 4034, 5.1. */
export const writeDelegation = numbersAndBytes(
  [
    [field('dns.ds.key_id', 'Key tag'), 2],
    [field('dns.ds.algorithm', 'Algorithm', named(algorithms)), 1],
    [field('dns.ds.digest_type', 'Digest type', named(digests)), 1],
  ],
  field('dns.ds.digest', 'Digest'),
);
/** RFC 6698, 2.1. */
export const writeCertificateOfTls = numbersAndBytes(
  [
    [field('dns.tlsa.certificate_usage', 'Usage'), 1],
    [field('dns.tlsa.selector', 'Selector'), 1],
    [field('dns.tlsa.matching_type', 'Matching type'), 1],
  ],
  field('dns.tlsa.certificate_association_data', 'Data'),
);
/** RFC 4255, 3.1. */
export const writeShellKey = numbersAndBytes(
  [
    [field('dns.sshfp.algorithm', 'Algorithm'), 1],
    [field('dns.sshfp.fingerprint.type', 'Type'), 1],
  ],
  field('dns.sshfp.fingerprint', 'Fingerprint'),
);

/** RFC 4034, 3.1. */
export function writeSignature(record: Layer, at: number, end: number): void {
  const signedAt = writeDomainName(record, SIGNER, writeNumbers(record, SIGNATURE, at));
  record.bytes(SIGNED, signedAt, end - signedAt);
}

/** RFC 4034, 2.1; RFC 5011, 7. */
export function writeKey(record: Layer, at: number, end: number): void {
  record.uint(KEY_FLAGS, at, 2);
  record.within((flags) => {
    flags.flag(ZONE_KEY, at, 2, 0x0100);
    flags.flag(REVOKED, at, 2, 0x0080);
    flags.flag(ENTRY_POINT, at, 2, 0x0001);
    // Not one run, and moved down all the same.
    flags.bits(RESERVED, at, 2, 0xfe7e);
  });
  const keyAt = writeNumbers(record, KEY, at + 2);
  record.bytes(PUBLIC_KEY, keyAt, end - keyAt);
}

/** RFC 4034, 4.1. */
export function writeNextName(record: Layer, at: number, end: number): void {
  writeTypes(record, writeDomainName(record, NEXT_NAME, at), end);
}

/** RFC 5155, 3.2. */
export function writeNextHash(record: Layer, at: number, end: number): void {
  const lengthAt = writeHashing(record, at, (flags) => flags.flag(OPT_OUT, at + 1, 1, 0x01));
  const length = record.uint(HASH_LENGTH, lengthAt, 1);
  record.add(NEXT_HASH, lengthAt + 1, length, base32(record.slice.hex(lengthAt + 1, length)));
  writeTypes(record, lengthAt + 1 + length, end);
}

/** RFC 5155, 4.2: without the flag that NSEC3 has. */
export function writeHashParameters(record: Layer, at: number): void {
  writeHashing(record, at, () => {});
}

/** @returns where it ends */
function writeHashing(record: Layer, at: number, writeFlags: (flags: Layer) => void): number {
  record.uint(HASH_ALGORITHM, at, 1);
  record.uint(HASH_FLAGS, at + 1, 1);
  record.within(writeFlags);
  record.uint(ITERATIONS, at + 2, 2);
  const saltLength = record.uint(SALT_LENGTH, at + 4, 1);
  record.bytes(SALT, at + 5, saltLength);
  return at + 5 + saltLength;
}

/** The types that an owner has: windows of 256, of each as many bits as it needs (RFC 4034, 4.1.2). */
function writeTypes(record: Layer, at: number, end: number): void {
  if (at === end) return;
  record.group('dns.types', 'Types', at, end - at, (types) => {
    for (let windowAt = at; windowAt < end; ) {
      const window = types.slice.u8(windowAt);
      const length = types.slice.u8(windowAt + 1);
      for (let bit = 0; bit < 8 * length; bit++) {
        const bitAt = windowAt + 2 + (bit >> 3);
        const isSet = (types.slice.u8(bitAt) & (0x80 >> (bit & 7))) !== 0;
        if (isSet) types.add(RECORD_TYPE, bitAt, 1, 256 * window + bit);
      }
      windowAt += 2 + length;
    }
  });
}

/** Of five bits each, without padding (RFC 4648, 7). */
function base32(hexDigits: string): string {
  const bits = [...hexDigits].map((digit) => Number.parseInt(digit, 16).toString(2).padStart(4, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? []).map((five) => BASE_32[Number.parseInt(five.padEnd(5, '0'), 2)]).join('');
}

/** @returns where they end */
function writeNumbers(record: Layer, numbers: readonly NumberField[], at: number): number {
  for (const [which, bytes] of numbers) {
    record.uint(which, at, bytes);
    at += bytes;
  }
  return at;
}

/** Numbers, and bytes up to the record's end. */
function numbersAndBytes(numbers: readonly NumberField[], rest: Field): Write {
  return (record, at, end) => {
    const restAt = writeNumbers(record, numbers, at);
    record.bytes(rest, restAt, end - restAt);
  };
}
