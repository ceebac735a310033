import { field, hex, named } from '../field.js';
import { etherTypes } from '../names.js';
import type { Protocol } from '../protocol.js';

const accessPoints = named({ 66: 'spanning tree', 170: 'SNAP', 224: 'NetWare', 240: 'NetBIOS', 254: 'OSI' }, hex(2));
const DESTINATION = field('llc.dsap', 'Destination access point', accessPoints);
const SOURCE = field('llc.ssap', 'Source access point', accessPoints);
const CONTROL = field('llc.control', 'Control', hex(2));
const ORGANISATION = field('llc.oui', 'Organisation', hex(6));
const TYPE = field('llc.type', 'Type', named(etherTypes, hex(4)));

const SNAP = 0xaa;

/** IEEE 802.2, 3 and 5.2; SNAP: 802, 9.2. */
export const llc: Protocol = {
  name: 'llc',
  title: 'Logical Link Control',
  dissect(layer, next) {
    const destination = layer.uint(DESTINATION, 0, 1);
    layer.uint(SOURCE, 1, 1);
    // Unnumbered frames have one byte, others two with a sequence number each way, the lower byte first.
    const isUnnumbered = (layer.slice.u8(2) & 3) === 3;
    if (isUnnumbered) layer.uint(CONTROL, 2, 1);
    else layer.add(CONTROL, 2, 2, layer.slice.u8(2) + 256 * layer.slice.u8(3));
    const at = isUnnumbered ? 3 : 4;
    layer.setLength(at);
    if (destination === SNAP && isUnnumbered) {
      const organisation = layer.uint(ORGANISATION, at, 3);
      layer.setLength(at + 5);
      if (organisation === 0) {
        const type = layer.uint(TYPE, at + 3, 2);
        next.byNumber('ethertype', type, layer.slice.part(at + 5));
      } else next.asData(layer.slice.part(at + 5));
    } else next.asData(layer.slice.part(at));
    return undefined;
  },
};
