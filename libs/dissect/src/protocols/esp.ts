import { field, hex } from '../field.js';
import type { Protocol } from '../protocol.js';

const SPI = field('esp.spi', 'SPI', hex(8));
const SEQUENCE = field('esp.sequence', 'Sequence number');

/** RFC 4303, 2. What follows is encrypted. */
export const esp: Protocol = {
  name: 'esp',
  title: 'Encapsulating Security Payload',
  dissect(layer) {
    layer.uint(SPI, 0, 4);
    layer.uint(SEQUENCE, 4, 4);
    return undefined;
  },
};
