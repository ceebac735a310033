import { field, hex, named, unit } from '../field.js';
import type { Layer } from '../layer.js';

const PAD_1 = 0;
const TYPE = field(
  'ipv6.opt.type',
  'Type',
  named(
    {
      0: 'Pad1',
      1: 'PadN',
      4: 'tunnel encapsulation limit',
      5: 'router alert',
      194: 'jumbo payload',
      201: 'home address',
    },
    hex(2),
  ),
);
const ACTION = field(
  'ipv6.opt.type.action',
  'When unknown',
  named({ 0: 'skip', 1: 'discard', 2: 'discard, ICMP', 3: 'discard, ICMP unless multicast' }),
);
const CHANGE = field('ipv6.opt.type.change', 'May change');
const REST = field('ipv6.opt.type.rest', 'Low-order bits', hex(2));
const LENGTH = field('ipv6.opt.length', 'Length');
const PADDING = field('ipv6.opt.padn', 'PadN');
const ROUTER_ALERT = field('ipv6.opt.router_alert', 'Router alert');
const TUNNEL_LIMIT = field('ipv6.opt.tel', 'Tunnel encapsulation limit');
const JUMBO = field('ipv6.opt.jumbo', 'Payload length', unit('bytes'));
const UNKNOWN = field('ipv6.opt.unknown', 'Data');

/** RFC 8200, 4.2: type, length of the data, data; type 0 is a single byte. */
export function dissectIpv6Options(layer: Layer, at: number, end: number): void {
  while (at < end) {
    const type = layer.slice.u8(at);
    const start = at;
    let length = 1;
    layer.group('ipv6.opt', 'Option', start, length, (inner) => {
      inner.uint(TYPE, start, 1);
      if (type === PAD_1) {
        inner.group('ipv6.opt.pad1', 'Pad1', start, length);
        return;
      }
      inner.within((bits) => {
        bits.bits(ACTION, start, 1, 0xc0);
        bits.flag(CHANGE, start, 1, 0x20);
        bits.bits(REST, start, 1, 0x1f);
      });
      length = 2 + inner.uint(LENGTH, start + 1, 1);
      const isInside = start + length <= end;
      inner.setLength(isInside ? length : end - start);
      if (isInside) writeData(inner, type, start + 2, length - 2);
      else inner.odd(`its ${length} bytes do not fit`);
    });
    at += length;
  }
}

function writeData(inner: Layer, type: number, at: number, length: number): void {
  if (type === 5 && length === 2) inner.uint(ROUTER_ALERT, at, 2);
  else if (type === 4 && length === 1) inner.uint(TUNNEL_LIMIT, at, 1);
  else if (type === 0xc2 && length === 4) inner.uint(JUMBO, at, 4);
  else inner.bytes(type === 1 ? PADDING : UNKNOWN, at, length);
}
