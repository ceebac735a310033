import { field, hex, unit } from '../field.js';
import type { Protocol } from '../protocol.js';

const SOURCE = field('udp.srcport', 'Source port');
const DESTINATION = field('udp.dstport', 'Destination port');
const LENGTH = field('udp.length', 'Length', unit('bytes'));
const CHECKSUM = field('udp.checksum', 'Checksum', hex(4));
const PAYLOAD = field('udp.payload', 'Payload');

const HEADER_BYTES = 8;

/** RFC 768. */
export const udp: Protocol = {
  name: 'udp',
  title: 'User Datagram Protocol',
  dissect(layer, next) {
    const { slice } = layer;
    layer.setLength(HEADER_BYTES);
    const source = layer.uint(SOURCE, 0, 2);
    const destination = layer.uint(DESTINATION, 2, 2);
    const length = layer.uint(LENGTH, 4, 2);
    layer.uint(CHECKSUM, 6, 2);
    if (length !== 0 && length < HEADER_BYTES) {
      layer.odd(`a length of ${length} bytes is less than the header's ${HEADER_BYTES}`);
      return undefined;
    }
    if (length > slice.length) layer.odd(`a length of ${length} bytes is more than there is`);
    // 0 is a jumbogram (RFC 2675, 4): up to the end of the packet.
    const payload = slice.part(HEADER_BYTES, length === 0 ? slice.length : length - HEADER_BYTES);
    layer.payload(PAYLOAD, HEADER_BYTES, payload.presentLength);
    next.byPorts(
      'udp port',
      [source, destination].sort((a, b) => a - b),
      payload,
    );
    return undefined;
  },
};
