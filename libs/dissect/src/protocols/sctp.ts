import { field, hex, named, unit } from '../field.js';
import type { Layer } from '../layer.js';
import type { HandOn, Protocol } from '../protocol.js';

const types: Readonly<Record<number, string>> = {
  0: 'DATA',
  1: 'INIT',
  2: 'INIT ACK',
  3: 'SACK',
  4: 'HEARTBEAT',
  5: 'HEARTBEAT ACK',
  6: 'ABORT',
  7: 'SHUTDOWN',
  8: 'SHUTDOWN ACK',
  9: 'ERROR',
  10: 'COOKIE ECHO',
  11: 'COOKIE ACK',
  14: 'SHUTDOWN COMPLETE',
};
const SOURCE = field('sctp.srcport', 'Source port');
const DESTINATION = field('sctp.dstport', 'Destination port');
const TAG = field('sctp.verification_tag', 'Verification tag', hex(8));
const CHECKSUM = field('sctp.checksum', 'Checksum', hex(8));
const TYPE = field('sctp.chunk_type', 'Chunk type', named(types));
const FLAGS = field('sctp.chunk_flags', 'Chunk flags', hex(2));
const LENGTH = field('sctp.chunk_length', 'Chunk length', unit('bytes'));
const PADDING = field('sctp.chunk_padding', 'Padding');
const DATA_FLAGS = [
  { field: field('sctp.data_i_bit', 'Immediately'), mask: 8 },
  { field: field('sctp.data_u_bit', 'Unordered'), mask: 4 },
  { field: field('sctp.data_b_bit', 'First piece'), mask: 2 },
  { field: field('sctp.data_e_bit', 'Last piece'), mask: 1 },
] as const;
const TSN = field('sctp.data_tsn_raw', 'Transmission sequence number');
const STREAM = field('sctp.data_sid', 'Stream', hex(4));
const STREAM_SEQUENCE = field('sctp.data_ssn', 'Stream sequence number');
const PAYLOAD_PROTOCOL = field('sctp.data_payload_proto_id', 'Payload protocol');
const SACK_TSN = field('sctp.sack_cumulative_tsn_ack_raw', 'Cumulative TSN');
const SACK_CREDIT = field('sctp.sack_a_rwnd', 'Receiver window', unit('bytes'));
const SACK_GAPS = field('sctp.sack_number_of_gap_blocks', 'Gap blocks');
const SACK_DUPLICATES = field('sctp.sack_number_of_duplicated_tsns', 'Duplicate TSNs');
const GAP_START = field('sctp.sack_gap_block_start', 'Start');
const GAP_END = field('sctp.sack_gap_block_end', 'End');
const SHUTDOWN_TSN = field('sctp.shutdown_cumulative_tsn_ack', 'Cumulative TSN');
const COOKIE = field('sctp.cookie', 'Cookie');
const PARAMETER_TYPE = field('sctp.parameter_type', 'Parameter type', hex(4));
const PARAMETER_LENGTH = field('sctp.parameter_length', 'Parameter length', unit('bytes'));
const PARAMETER_IPV4 = field('sctp.parameter_ipv4_address', 'IPv4 address');
const PARAMETER_IPV6 = field('sctp.parameter_ipv6_address', 'IPv6 address');

const HEADER_BYTES = 12;
const CHUNK_HEADER_BYTES = 4;
const DATA_HEADER_BYTES = 16;
const roundUp = (length: number): number => length + ((4 - (length % 4)) % 4);

/** RFC 9260, 3. */
export const sctp: Protocol = {
  name: 'sctp',
  title: 'Stream Control Transmission Protocol',
  dissect(layer, next) {
    layer.setLength(HEADER_BYTES);
    layer.uint(SOURCE, 0, 2);
    layer.uint(DESTINATION, 2, 2);
    layer.uint(TAG, 4, 4);
    layer.uint(CHECKSUM, 8, 4);
    const end = layer.slice.presentLength;
    for (let at = HEADER_BYTES; at < end; ) {
      const length = writeChunk(layer, at, next);
      if (length < CHUNK_HEADER_BYTES) {
        layer.odd(`a chunk of ${length} bytes at byte ${layer.slice.start + at} is shorter than any`);
        break;
      }
      at += roundUp(length);
      layer.setLength(Math.min(at, end));
    }
    return undefined;
  },
};

/** @returns its length without padding */
function writeChunk(layer: Layer, at: number, next: HandOn): number {
  const { slice } = layer;
  const type = slice.u8(at);
  const length = slice.u16(at + 2);
  const title = `${types[type] ?? `unknown (${type})`} chunk`;
  layer.group('sctp.chunk', title, at, Math.max(length, CHUNK_HEADER_BYTES), (chunk) => {
    chunk.uint(TYPE, at, 1);
    chunk.uint(FLAGS, at + 1, 1);
    if (type === 0) {
      chunk.within((flags) => {
        for (const { field, mask } of DATA_FLAGS) flags.flag(field, at + 1, 1, mask);
      });
    }
    chunk.uint(LENGTH, at + 2, 2);
    if (length < CHUNK_HEADER_BYTES) return;
    bodies[type]?.(chunk, at, at + length);
    chunk.payload(PADDING, at + length, Math.min(roundUp(length), slice.presentLength - at) - length);
  });
  if (type === 0 && length > DATA_HEADER_BYTES) {
    next.asData(slice.part(at + DATA_HEADER_BYTES, length - DATA_HEADER_BYTES));
  }
  return length;
}

/** What is behind a chunk's length, by type. */
const bodies: Readonly<Record<number, (chunk: Layer, at: number, end: number) => void>> = {
  0: (chunk, at) => {
    chunk.uint(TSN, at + 4, 4);
    chunk.uint(STREAM, at + 8, 2);
    chunk.uint(STREAM_SEQUENCE, at + 10, 2);
    chunk.uint(PAYLOAD_PROTOCOL, at + 12, 4);
  },
  1: initiation('init'),
  2: initiation('initack'),
  3: selectiveAcknowledgment,
  4: (chunk, at, end) => writeParameters(chunk, at + CHUNK_HEADER_BYTES, end),
  5: (chunk, at, end) => writeParameters(chunk, at + CHUNK_HEADER_BYTES, end),
  7: (chunk, at) => chunk.uint(SHUTDOWN_TSN, at + 4, 4),
  10: (chunk, at, end) => chunk.bytes(COOKIE, at + 4, end - at - 4),
};

function initiation(prefix: 'init' | 'initack') {
  const INITIATE_TAG = field(`sctp.${prefix}_initiate_tag`, 'Initiate tag', hex(8));
  const CREDIT = field(`sctp.${prefix}_credit`, 'Receiver window');
  const OUT = field(`sctp.${prefix}_nr_out_streams`, 'Outbound streams');
  const IN = field(`sctp.${prefix}_nr_in_streams`, 'Inbound streams');
  const INITIAL_TSN = field(`sctp.${prefix}_initial_tsn`, 'Initial TSN');
  return (chunk: Layer, at: number, end: number): void => {
    chunk.uint(INITIATE_TAG, at + 4, 4);
    chunk.uint(CREDIT, at + 8, 4);
    chunk.uint(OUT, at + 12, 2);
    chunk.uint(IN, at + 14, 2);
    chunk.uint(INITIAL_TSN, at + 16, 4);
    writeParameters(chunk, at + 20, end);
  };
}

function selectiveAcknowledgment(chunk: Layer, at: number): void {
  chunk.uint(SACK_TSN, at + 4, 4);
  chunk.uint(SACK_CREDIT, at + 8, 4);
  const gaps = chunk.uint(SACK_GAPS, at + 12, 2);
  chunk.uint(SACK_DUPLICATES, at + 14, 2);
  for (let gap = at + 16; gap < at + 16 + 4 * gaps; gap += 4) {
    chunk.uint(GAP_START, gap, 2);
    chunk.uint(GAP_END, gap + 2, 2);
  }
}

/** RFC 9260, 3.2.1. */
function writeParameters(chunk: Layer, at: number, end: number): void {
  while (at + 4 <= end) {
    const type = chunk.slice.u16(at);
    const length = chunk.slice.u16(at + 2);
    const start = at;
    chunk.group(
      'sctp.parameter',
      `Parameter ${hex(4)(type)} (${length} bytes)`,
      start,
      Math.max(length, 4),
      (inner) => {
        inner.uint(PARAMETER_TYPE, start, 2);
        inner.uint(PARAMETER_LENGTH, start + 2, 2);
        if (type === 5 && length === 8) inner.ipv4(PARAMETER_IPV4, start + 4);
        else if (type === 6 && length === 20) inner.ipv6(PARAMETER_IPV6, start + 4);
      },
    );
    if (length < 4 || at + length > end) {
      chunk.odd(`a parameter of ${length} bytes at byte ${chunk.slice.start + at} does not fit`);
      return;
    }
    at += roundUp(length);
  }
}
