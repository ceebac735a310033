import { EtherType } from '@bpfleet/packet';
import { type Field, field, hex, named } from '../field.js';
import type { Layer } from '../layer.js';
import { etherTypes } from '../names.js';
import type { Protocol } from '../protocol.js';

const DESTINATION = address('eth.dst', 'Destination');
const SOURCE = address('eth.src', 'Source');
const TYPE = field('eth.type', 'Type', named(etherTypes, hex(4)));
const LENGTH = field('eth.len', 'Length');
const PADDING = field('eth.padding', 'Padding');
const TRAILER = field('eth.trailer', 'Trailer');
const TAGGED_TRAILER = field('vlan.trailer', 'Trailer');
const TAGS: readonly number[] = [EtherType.VLAN, EtherType.QINQ, EtherType.QINQ_OLD];

const HEADER_BYTES = 14;
/** Without the checksum, which cards keep to themselves (802.3, 3.2.7). */
const SHORTEST_FRAME_BYTES = 60;
/** Up to here the field is the payload's length (802.3, 3.2.6). */
const LONGEST_PAYLOAD = 1500;

/** IEEE 802.3, 3.1. */
export const ethernet: Protocol = {
  name: 'eth',
  title: 'Ethernet',
  dissect(layer, next) {
    layer.setLength(HEADER_BYTES);
    writeAddress(layer, DESTINATION, 0);
    writeAddress(layer, SOURCE, 6);
    const typeOrLength = layer.slice.u16(12);
    layer.uint(typeOrLength <= LONGEST_PAYLOAD ? LENGTH : TYPE, 12, 2);
    const used = next.byTypeOrLength(typeOrLength, layer.slice.part(HEADER_BYTES));
    writeTrailer(layer, HEADER_BYTES + used, TAGS.includes(typeOrLength) ? TAGGED_TRAILER : TRAILER);
    return undefined;
  },
};

function address(name: string, label: string) {
  return {
    whole: field(name, label),
    isLocal: field(`${name}.lg`, 'Locally administered'),
    isGroup: field(`${name}.ig`, 'Of a group'),
  };
}

/** Two bits of the first byte say what the address is of (IEEE 802, 8.2.2). */
function writeAddress(layer: Layer, { whole, isLocal, isGroup }: ReturnType<typeof address>, at: number): void {
  layer.mac(whole, at);
  layer.within((inner) => {
    inner.flag(isLocal, at, 3, 0x02_0000);
    inner.flag(isGroup, at, 3, 0x01_0000);
  });
}

/** What follows the packet inside: zeros up to the shortest frame, and what a switch or card has put behind. */
function writeTrailer(layer: Layer, at: number, trailer: Field): void {
  const { length } = layer.slice;
  const paddingEnd = length < SHORTEST_FRAME_BYTES ? at : Math.max(at, SHORTEST_FRAME_BYTES);
  layer.payload(PADDING, at, paddingEnd - at);
  layer.payload(trailer, paddingEnd, length - paddingEnd);
}
