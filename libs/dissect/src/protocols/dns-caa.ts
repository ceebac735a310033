import { field, hex } from '../field.js';
import type { Layer } from '../layer.js';

const FLAGS = field('dns.caa.flags', 'Flags', hex(2));
const CRITICAL = field('dns.caa.flags.issuer_critical', 'Critical');
const TAG_LENGTH = field('dns.caa.tag_length', 'Tag length');
const TAG = field('dns.caa.tag', 'Tag');
const VALUE = field('dns.caa.value', 'Value');
/** Those that have a name there; others are `unknown`. */
const TAGS = ['issue', 'issuewild', 'iodef'];

/** Which authority may issue certificates: RFC 8659, 4.1. */
export function writeCertificationAuthority(record: Layer, at: number, end: number): void {
  record.uint(FLAGS, at, 1);
  record.within((flags) => flags.flag(CRITICAL, at, 1, 0x80));
  const tagAt = at + 2;
  const tagLength = record.slice.u8(at + 1);
  // The tag names the group: without it the length stands alone.
  if (record.slice.capturedLength < tagAt + tagLength) record.uint(TAG_LENGTH, at + 1, 1);
  const tag = record.slice.latin1(tagAt, tagLength);
  const known = TAGS.includes(tag);
  record.group(`dns.caa.${known ? tag : 'unknown'}`, known ? tag : 'Unknown tag', at + 1, end - at - 1, (property) => {
    property.uint(TAG_LENGTH, at + 1, 1);
    property.text(TAG, tagAt, tagLength);
    property.text(VALUE, tagAt + tagLength, end - tagAt - tagLength);
  });
}
