import { field, hex, named, unit } from '../field.js';
import type { Layer } from '../layer.js';
import type { HandOn, Protocol } from '../protocol.js';
import { quotedPacket } from '../quoted-packet.js';
import type { Slice } from '../slice.js';

const types: Readonly<Record<number, string>> = {
  0: 'echo reply',
  3: 'destination unreachable',
  4: 'source quench',
  5: 'redirect',
  8: 'echo request',
  9: 'router advertisement',
  10: 'router solicitation',
  11: 'time exceeded',
  12: 'parameter problem',
  13: 'timestamp request',
  14: 'timestamp reply',
  17: 'address mask request',
  18: 'address mask reply',
};
const TYPE = field('icmp.type', 'Type', named(types));
const CODE = field('icmp.code', 'Code');
const CHECKSUM = field('icmp.checksum', 'Checksum', hex(4));
const UNUSED = field('icmp.unused', 'Unused');
const ID = field('icmp.ident', 'Identifier', hex(4));
const ID_SWAPPED = field('icmp.ident_le', 'Identifier (little endian)', hex(4));
const SEQUENCE = field('icmp.seq', 'Sequence number');
const SEQUENCE_SWAPPED = field('icmp.seq_le', 'Sequence number (little endian)');
const MTU = field('icmp.mtu', 'MTU of the next hop', unit('bytes'));
const GATEWAY = field('icmp.redir_gw', 'Gateway');
const POINTER = field('icmp.pointer', 'Pointer');
const ORIGINATED = field('icmp.originate_timestamp', 'Originate timestamp', unit('ms since midnight UT'));
const RECEIVED = field('icmp.receive_timestamp', 'Receive timestamp', unit('ms since midnight UT'));
const TRANSMITTED = field('icmp.transmit_timestamp', 'Transmit timestamp', unit('ms since midnight UT'));
const MASK = field('icmp.address_mask', 'Address mask');

const HEADER_BYTES = 8;
const FRAGMENTATION_NEEDED = 4;
const REDIRECT = 5;

/** RFC 792. */
export const icmp: Protocol = {
  name: 'icmp',
  title: 'Internet Control Message Protocol',
  dissect(layer, next) {
    const type = layer.uint(TYPE, 0, 1);
    const code = layer.uint(CODE, 1, 1);
    layer.uint(CHECKSUM, 2, 2);
    switch (type) {
      case 0:
      case 8:
        writeEcho(layer);
        next.quoted(layer, () => next.asData(layer.slice.part(HEADER_BYTES)));
        break;
      case 3:
      case 4:
      case REDIRECT:
      case 11:
      case 12:
        writeError(layer, type, code);
        writeQuote(layer, next, type);
        break;
      case 13:
      case 14:
        writeEcho(layer);
        layer.uint(ORIGINATED, 8, 4);
        layer.uint(RECEIVED, 12, 4);
        layer.uint(TRANSMITTED, 16, 4);
        break;
      case 17:
      case 18:
        writeEcho(layer);
        layer.ipv4(MASK, 8);
        break;
    }
    return undefined;
  },
};

/** Identifier and sequence number, also as hosts wrote them that forgot the byte order. */
function writeEcho(layer: Layer): void {
  const swapped = (at: number) => layer.slice.u8(at) + 256 * layer.slice.u8(at + 1);
  layer.uint(ID, 4, 2);
  layer.add(ID_SWAPPED, 4, 2, swapped(4));
  layer.uint(SEQUENCE, 6, 2);
  layer.add(SEQUENCE_SWAPPED, 6, 2, swapped(6));
}

/** The second word of a message about a packet. */
function writeError(layer: Layer, type: number, code: number): void {
  if (type === REDIRECT) layer.ipv4(GATEWAY, 4);
  else if (type === 12) {
    layer.uint(POINTER, 4, 1);
    layer.bytes(UNUSED, 5, 3);
  } else if (type === 3 && code === FRAGMENTATION_NEEDED) {
    layer.bytes(UNUSED, 4, 2);
    layer.uint(MTU, 6, 2);
  } else layer.bytes(UNUSED, 4, 4);
}

function writeQuote(layer: Layer, next: HandOn, type: number): void {
  const present = type === REDIRECT ? promisedBytes(layer.slice) : undefined;
  next.quoted(layer, () => next.byNumber('ethertype', 0x0800, quotedPacket(layer.slice, HEADER_BYTES, present)));
}

/** "Internet Header + 64 bits of Original Data Datagram" (RFC 792): as much as Wireshark reads of a redirect's quote. */
function promisedBytes(slice: Slice): number | undefined {
  return slice.capturedLength > HEADER_BYTES ? (slice.u8(HEADER_BYTES) & 0xf) * 4 + 8 : undefined;
}
