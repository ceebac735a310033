import { field, hex, named } from '../field.js';
import { etherTypes } from '../names.js';
import type { Protocol } from '../protocol.js';

const TAG_BYTES = 4;
/** Up to here the field is the payload's length (802.3, 3.2.6). */
const LONGEST_PAYLOAD = 1_500;
const type = (name: string) => field(name, 'Type', named(etherTypes, hex(4)));

/** IEEE 802.1Q, 9.6: customer tag. */
export const vlan: Protocol = tag('vlan', '802.1Q Virtual LAN', 'vlan.etype', 2);
/** Service tag, EtherType 0x88a8. */
export const serviceVlan: Protocol = tag('ieee8021ad', 'IEEE 802.1ad', 'ieee8021ah.etype', 1);

/** @param bitsBytes how many bytes the fields of the upper four bits are said to have */
function tag(name: string, title: string, typeName: string, bitsBytes: 1 | 2): Protocol {
  const PRIORITY = field(`${name}.priority`, 'Priority');
  const DROP_ELIGIBLE = field(`${name}.dei`, 'Drop eligible');
  const ID = field(`${name}.id`, 'ID');
  const TYPE = type(typeName);
  const LENGTH = field('vlan.len', 'Length');
  const shift = 8 * (bitsBytes - 1);
  return {
    name,
    title,
    dissect(layer, next) {
      layer.setLength(TAG_BYTES);
      layer.bits(PRIORITY, 0, bitsBytes, 0xe0 << shift);
      layer.flag(DROP_ELIGIBLE, 0, bitsBytes, 0x10 << shift);
      layer.bits(ID, 0, 2, 0xfff);
      const typeOrLength = layer.slice.u16(2);
      layer.uint(typeOrLength <= LONGEST_PAYLOAD ? LENGTH : TYPE, 2, 2);
      return TAG_BYTES + next.byTypeOrLength(typeOrLength, layer.slice.part(TAG_BYTES));
    },
  };
}
