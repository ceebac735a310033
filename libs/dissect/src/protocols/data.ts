import { field, unit } from '../field.js';
import type { Protocol } from '../protocol.js';

const DATA = field('data.data', 'Data');
const LENGTH = field('data.len', 'Length', unit('bytes'));

/** Bytes that nobody takes apart. */
export const data: Protocol = {
  name: 'data',
  title: 'Data',
  dissect(layer) {
    const length = layer.slice.presentLength;
    layer.add(LENGTH, 0, 0, length);
    layer.payload(DATA, 0, length);
    return length;
  },
};
