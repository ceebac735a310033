import { field, hex, named, unit } from '../field.js';
import type { Layer } from '../layer.js';
import type { Protocol } from '../protocol.js';
import type { Slice } from '../slice.js';
import { versions, writeHello } from './tls-hello.js';

const contentTypes: Readonly<Record<number, string>> = {
  20: 'change cipher spec',
  21: 'alert',
  22: 'handshake',
  23: 'application data',
};
const handshakeTypes: Readonly<Record<number, string>> = {
  0: 'hello request',
  1: 'client hello',
  2: 'server hello',
  4: 'new session ticket',
  5: 'end of early data',
  8: 'encrypted extensions',
  11: 'certificate',
  12: 'server key exchange',
  13: 'certificate request',
  14: 'server hello done',
  15: 'certificate verify',
  16: 'client key exchange',
  20: 'finished',
  22: 'certificate status',
};
const CONTENT_TYPE = field('tls.record.content_type', 'Content type', named(contentTypes));
const VERSION = field('tls.record.version', 'Version', named(versions, hex(4)));
const LENGTH = field('tls.record.length', 'Length', unit('bytes'));
const CHANGE_CIPHER = field('tls.change_cipher_spec', 'Change cipher spec');
const APPLICATION_DATA = field('tls.app_data', 'Encrypted application data');
const ALERT_LEVEL = field('tls.alert_message.level', 'Level', named({ 1: 'warning', 2: 'fatal' }));
const ALERT = field('tls.alert_message.desc', 'Description');
const HANDSHAKE_TYPE = field('tls.handshake.type', 'Handshake type', named(handshakeTypes));
const HANDSHAKE_LENGTH = field('tls.handshake.length', 'Length', unit('bytes'));

const RECORD_HEADER_BYTES = 5;
/** Type and version. */
const LEAST_KNOWN_BYTES = 3;
const HANDSHAKE_HEADER_BYTES = 4;
/** RFC 8446, 5.2: what encryption may add included. */
const LONGEST_RECORD = 16_384 + 2_048;
const CLIENT_HELLO = 1;
const SERVER_HELLO = 2;

/** RFC 8446, 5 and 4; RFC 5246. */
export const tls: Protocol = {
  name: 'tls',
  title: 'Transport Layer Security',
  accepts: (payload) =>
    payload.capturedLength >= LEAST_KNOWN_BYTES &&
    contentTypes[payload.u8(0)] !== undefined &&
    payload.u8(1) === 3 &&
    payload.u8(2) <= 4 &&
    (payload.capturedLength < RECORD_HEADER_BYTES || payload.u16(3) <= LONGEST_RECORD),
  dissect(layer) {
    const { slice } = layer;
    for (let at = 0; at < slice.presentLength; ) {
      // Behind a record may stand what is none: the middle of one, where segments were lost.
      if (at > 0 && slice.capturedLength - at >= LEAST_KNOWN_BYTES && !tls.accepts?.(slice.goingOn(at))) {
        layer.odd(`no record at byte ${slice.start + at}`);
        return undefined;
      }
      at += RECORD_HEADER_BYTES + writeRecord(layer, at);
    }
    return undefined;
  },
};

/** @returns bytes behind the record's header */
function writeRecord(layer: Layer, at: number): number {
  const { slice } = layer;
  const length = slice.u16(at + 3);
  const type = slice.u8(at);
  const title = `Record: ${contentTypes[type] ?? type}`;
  layer.group('tls.record', title, at, RECORD_HEADER_BYTES + length, (record) => {
    record.uint(CONTENT_TYPE, at, 1);
    record.uint(VERSION, at + 1, 2);
    record.uint(LENGTH, at + 3, 2);
    const fragment = slice.goingOn(at + RECORD_HEADER_BYTES, length);
    writeFragment(record.over(fragment), type, length);
  });
  return length;
}

function writeFragment(record: Layer, type: number, length: number): void {
  if (type === 20) record.payload(CHANGE_CIPHER, 0, record.slice.presentLength);
  else if (type === 23) record.payload(APPLICATION_DATA, 0, record.slice.presentLength);
  else if (type === 22) writeHandshakes(record);
  else if (length === 2) {
    record.group('tls.alert_message', 'Alert', 0, 2, (alert) => {
      alert.uint(ALERT_LEVEL, 0, 1);
      alert.uint(ALERT, 1, 1);
    });
  } else record.group('tls.alert_message', 'Encrypted alert', 0, length);
}

/** One record may carry several messages, and a message several records. */
function writeHandshakes(record: Layer): void {
  const { slice } = record;
  for (let at = 0; at < slice.length; ) {
    if (!isHandshake(slice, at)) {
      record.group('tls.handshake', 'Encrypted handshake message', at, slice.length - at);
      return;
    }
    at += HANDSHAKE_HEADER_BYTES + writeHandshake(record, at);
  }
}

/** Once keys are agreed on, messages are random bytes: their types and lengths would be too. */
const isHandshake = (slice: Slice, at: number): boolean =>
  handshakeTypes[slice.u8(at)] !== undefined &&
  (slice.capturedLength - at < HANDSHAKE_HEADER_BYTES ||
    slice.uint(at + 1, 3) <= Math.max(LONGEST_RECORD, slice.length));

/** @returns bytes behind the message's header */
function writeHandshake(record: Layer, at: number): number {
  const { slice } = record;
  const type = slice.u8(at);
  const length = slice.uint(at + 1, 3);
  const title = `Handshake: ${handshakeTypes[type]}`;
  record.group('tls.handshake', title, at, HANDSHAKE_HEADER_BYTES + length, (handshake) => {
    handshake.uint(HANDSHAKE_TYPE, at, 1);
    handshake.uint(HANDSHAKE_LENGTH, at + 1, 3);
    if (type !== CLIENT_HELLO && type !== SERVER_HELLO) return;
    writeHello(handshake.over(slice.goingOn(at + HANDSHAKE_HEADER_BYTES, length)), type === CLIENT_HELLO);
  });
  return length;
}
