import { field, hex, unit } from '../field.js';
import type { Layer } from '../layer.js';
import type { Protocol } from '../protocol.js';
import { dissectTcpOptions } from './tcp-options.js';

const SOURCE = field('tcp.srcport', 'Source port');
const DESTINATION = field('tcp.dstport', 'Destination port');
const LENGTH = field('tcp.len', 'Segment length', unit('bytes'));
const SEQUENCE = field('tcp.seq_raw', 'Sequence number');
/** Of a segment that an ICMP error quotes, which is of no stream for Wireshark. Of ICMPv6's quotes it has the raw number. */
const QUOTED_SEQUENCE = field('tcp.seq', 'Sequence number');
const ACKNOWLEDGMENT = field('tcp.ack_raw', 'Acknowledgment number');
const HEADER_LENGTH = field('tcp.hdr_len', 'Header length', unit('bytes'));
const FLAGS = field('tcp.flags', 'Flags', flagNames);
/** From the highest bit of the 12 on (RFC 9293, 3.1; RFC 3168; draft-ietf-tcpm-accurate-ecn). */
const FLAG_BITS = [
  { field: field('tcp.flags.res', 'Reserved'), mask: 0xe00, short: '' },
  { field: field('tcp.flags.ae', 'Accurate ECN'), mask: 0x100, short: 'AE' },
  { field: field('tcp.flags.cwr', 'Congestion window reduced'), mask: 0x80, short: 'CWR' },
  { field: field('tcp.flags.ece', 'ECN-Echo'), mask: 0x40, short: 'ECE' },
  { field: field('tcp.flags.urg', 'Urgent'), mask: 0x20, short: 'URG' },
  { field: field('tcp.flags.ack', 'Acknowledgment'), mask: 0x10, short: 'ACK' },
  { field: field('tcp.flags.push', 'Push'), mask: 0x08, short: 'PSH' },
  { field: field('tcp.flags.reset', 'Reset'), mask: 0x04, short: 'RST' },
  { field: field('tcp.flags.syn', 'Syn'), mask: 0x02, short: 'SYN' },
  { field: field('tcp.flags.fin', 'Fin'), mask: 0x01, short: 'FIN' },
] as const;
const WINDOW = field('tcp.window_size_value', 'Window');
const CHECKSUM = field('tcp.checksum', 'Checksum', hex(4));
const URGENT = field('tcp.urgent_pointer', 'Urgent pointer');
const PAYLOAD = field('tcp.payload', 'Payload');
const RESET_CAUSE = field('tcp.reset_cause', 'Reset cause');

const RESET = 0x04;
const SHORTEST_HEADER_BYTES = 20;

/** RFC 9293, 3.1. */
export const tcp: Protocol = {
  name: 'tcp',
  title: 'Transmission Control Protocol',
  dissect(layer, next) {
    const { slice } = layer;
    const source = layer.uint(SOURCE, 0, 2);
    const destination = layer.uint(DESTINATION, 2, 2);
    layer.uint(next.quotedBy === 'icmp' ? QUOTED_SEQUENCE : SEQUENCE, 4, 4);
    layer.uint(ACKNOWLEDGMENT, 8, 4);
    const headerLength = layer.add(HEADER_LENGTH, 12, 1, (slice.u8(12) >> 4) * 4);
    if (headerLength < SHORTEST_HEADER_BYTES) {
      layer.odd(`a header of ${headerLength} bytes is shorter than any`);
      return undefined;
    }
    layer.setLength(headerLength);
    const payload = slice.goingOn(headerLength);
    // Of the first fragment nobody knows it; a quote has only the segment's head.
    if (Number.isFinite(slice.length) && next.quotedBy === undefined)
      layer.add(LENGTH, 0, 0, Math.max(0, slice.length - headerLength));
    const isReset = (writeFlags(layer) & RESET) !== 0;
    layer.uint(WINDOW, 14, 2);
    layer.uint(CHECKSUM, 16, 2);
    layer.uint(URGENT, 18, 2);
    dissectTcpOptions(layer, SHORTEST_HEADER_BYTES, headerLength);
    // Why a connection is reset may be said in words (RFC 9293, 3.5.3): nothing of the stream.
    if (isReset) {
      layer.payload(RESET_CAUSE, headerLength, payload.presentLength);
      return undefined;
    }
    layer.payload(PAYLOAD, headerLength, payload.presentLength);
    next.byPorts(
      'tcp port',
      [source, destination].sort((a, b) => a - b),
      payload,
    );
    return undefined;
  },
};

function writeFlags(layer: Layer): number {
  const flags = layer.bits(FLAGS, 12, 2, 0xfff);
  layer.within((inner) => {
    for (const { field, mask } of FLAG_BITS) {
      // The four upper bits share a byte with the header's length, the others have their own.
      if (mask > 0xff) inner.flag(field, 12, 1, mask >> 8);
      else inner.flag(field, 13, 1, mask);
    }
  });
  return flags;
}

function flagNames(flags: number): string {
  const set = FLAG_BITS.filter(({ mask, short }) => short !== '' && (flags & mask) !== 0).map(({ short }) => short);
  return `${hex(3)(flags)} (${set.length === 0 ? 'none' : set.join(', ')})`;
}
