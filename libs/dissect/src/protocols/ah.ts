import { field, hex, named } from '../field.js';
import { ipProtocols } from '../names.js';
import type { Protocol } from '../protocol.js';

const NEXT_HEADER = field('ah.next_header', 'Next header', named(ipProtocols));
const LENGTH = field('ah.length', 'Length', (words) => `${(words + 2) * 4} bytes (${words})`);
const RESERVED = field('ah.reserved', 'Reserved');
const SPI = field('ah.spi', 'SPI', hex(8));
const SEQUENCE = field('ah.sequence', 'Sequence number');
const CHECK = field('ah.icv', 'Integrity check value');

const FIXED_BYTES = 12;

/** RFC 4302, 2. */
export const ah: Protocol = {
  name: 'ah',
  title: 'Authentication Header',
  dissect(layer, next) {
    const nextHeader = layer.uint(NEXT_HEADER, 0, 1);
    const length = (layer.uint(LENGTH, 1, 1) + 2) * 4;
    layer.setLength(length);
    layer.bytes(RESERVED, 2, 2);
    layer.uint(SPI, 4, 4);
    layer.uint(SEQUENCE, 8, 4);
    if (length > FIXED_BYTES) layer.bytes(CHECK, FIXED_BYTES, length - FIXED_BYTES);
    next.byNumber('ip protocol', nextHeader, layer.slice.part(length));
    return undefined;
  },
};
