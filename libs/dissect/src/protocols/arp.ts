import { field, hex, named } from '../field.js';
import { etherTypes } from '../names.js';
import type { Protocol } from '../protocol.js';

const HARDWARE_TYPE = field('arp.hw.type', 'Hardware type', named({ 1: 'Ethernet' }));
const PROTOCOL_TYPE = field('arp.proto.type', 'Protocol type', named(etherTypes, hex(4)));
const HARDWARE_SIZE = field('arp.hw.size', 'Hardware size');
const PROTOCOL_SIZE = field('arp.proto.size', 'Protocol size');
const OPERATION = field(
  'arp.opcode',
  'Opcode',
  named({
    1: 'request',
    2: 'reply',
    3: 'reverse request',
    4: 'reverse reply',
    8: 'inverse request',
    9: 'inverse reply',
  }),
);
/** Of addresses that are Ethernet's and IPv4's, and of all others. */
const SIDES = ['src', 'dst'].map((side) => {
  const whose = side === 'src' ? 'Sender' : 'Target';
  return {
    mac: field(`arp.${side}.hw_mac`, `${whose} MAC address`),
    ipv4: field(`arp.${side}.proto_ipv4`, `${whose} IP address`),
    hardware: field(`arp.${side}.hw`, `${whose} hardware address`),
    protocol: field(`arp.${side}.proto`, `${whose} protocol address`),
  };
});

const FIXED_BYTES = 8;

/** RFC 826. */
export const arp: Protocol = {
  name: 'arp',
  title: 'Address Resolution Protocol',
  dissect(layer) {
    const hardware = layer.uint(HARDWARE_TYPE, 0, 2);
    const protocol = layer.uint(PROTOCOL_TYPE, 2, 2);
    const hardwareBytes = layer.uint(HARDWARE_SIZE, 4, 1);
    const protocolBytes = layer.uint(PROTOCOL_SIZE, 5, 1);
    layer.uint(OPERATION, 6, 2);
    const length = FIXED_BYTES + 2 * (hardwareBytes + protocolBytes);
    layer.setLength(length);
    let at = FIXED_BYTES;
    for (const side of SIDES) {
      if (hardware === 1 && hardwareBytes === 6) layer.mac(side.mac, at);
      else if (hardwareBytes > 0) layer.bytes(side.hardware, at, hardwareBytes);
      at += hardwareBytes;
      if (protocol === 0x0800 && protocolBytes === 4) layer.ipv4(side.ipv4, at);
      else if (protocolBytes > 0) layer.bytes(side.protocol, at, protocolBytes);
      at += protocolBytes;
    }
    return length;
  },
};
