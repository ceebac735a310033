import { field } from '../field.js';
import type { Layer } from '../layer.js';
import { forEachOption } from '../options.js';
import type { Slice } from '../slice.js';

const TYPE = field('ip.opt.type', 'Type');
const COPY = field('ip.opt.type.copy', 'Copy on fragmentation');
const CLASS = field('ip.opt.type.class', 'Class');
const NUMBER = field('ip.opt.type.number', 'Number');
const LENGTH = field('ip.opt.len', 'Length');
const POINTER = field('ip.opt.ptr', 'Pointer');
const ROUTER_ALERT = field('ip.opt.ra', 'Router alert');
const STREAM = field('ip.opt.sid', 'Stream identifier');
const RECORDED = field('ip.rec_rt', 'Recorded route');
const EMPTY = field('ip.empty_rt', 'Empty route');
const SOURCE_ROUTE = field('ip.src_rt', 'Source route');
export const DESTINATION = field('ip.dst', 'Destination');

const LOOSE_SOURCE_ROUTE = 131;
const STRICT_SOURCE_ROUTE = 137;
const ADDRESS_BYTES = 4;
/** Behind type, length and pointer. The pointer counts from 1 (RFC 791, 3.1). */
const FIRST_POINTER = 4;

interface OptionType {
  readonly name: string;
  readonly title: string;
  /** What is behind type and length. */
  readonly write?: (inner: Layer, at: number, length: number) => void;
}

/** By the whole type byte, copy bit included. */
const types: Readonly<Record<number, OptionType>> = {
  0: { name: 'ip.options.eol', title: 'End of options' },
  1: { name: 'ip.options.nop', title: 'No operation' },
  7: { name: 'ip.options.record_route', title: 'Record route', write: route('record') },
  68: { name: 'ip.options.timestamp', title: 'Timestamp' },
  130: { name: 'ip.options.security', title: 'Security' },
  [LOOSE_SOURCE_ROUTE]: { name: 'ip.options.route', title: 'Loose source route', write: route('source') },
  136: {
    name: 'ip.options.sid',
    title: 'Stream',
    write: (inner, at, length) => length === 4 && inner.uint(STREAM, at + 2, 2),
  },
  [STRICT_SOURCE_ROUTE]: { name: 'ip.options.source_route', title: 'Strict source route', write: route('source') },
  148: {
    name: 'ip.options.routeralert',
    title: 'Router alert',
    write: (inner, at, length) => length === 4 && inner.uint(ROUTER_ALERT, at + 2, 2),
  },
};

/** RFC 791, 3.1. */
export function dissectIpv4Options(layer: Layer, at: number, end: number): void {
  layer.group('ip.options', `Options (${end - at} bytes)`, at, end - at, (options) => {
    const odd = forEachOption(options.slice, at, end, (type, start, length) => {
      const { name, title, write } = types[type] ?? { name: 'ip.options.unknown', title: 'Unknown option' };
      options.group(name, `${title} (${length} bytes)`, start, length, (inner) => {
        inner.uint(TYPE, start, 1);
        inner.within((bits) => {
          bits.flag(COPY, start, 1, 0x80);
          bits.bits(CLASS, start, 1, 0x60);
          bits.bits(NUMBER, start, 1, 0x1f);
        });
        if (type > 1) inner.uint(LENGTH, start + 1, 1);
        write?.(inner, start, length);
      });
    });
    options.odd(odd);
  });
}

/**
 * Whether a source route has addresses left. Then its last is where the packet goes, and the header's the next hop (RFC 791, 3.1).
 * Of several, which no host sends, the first says so, as in Wireshark. Reads no further than was captured: what is cut may have been a route.
 */
export function isOnSourceRoute(slice: Slice, at: number, end: number): boolean {
  let isOn: boolean | undefined;
  forEachOption(slice, at, Math.min(end, slice.capturedLength), (type, start, length) => {
    if (isOn !== undefined || (type !== LOOSE_SOURCE_ROUTE && type !== STRICT_SOURCE_ROUTE)) return;
    const pointer = length < FIRST_POINTER ? 0 : slice.u8(start + 2);
    isOn = pointsAtAddress(pointer) && pointer + ADDRESS_BYTES - 1 <= length;
  });
  return isOn ?? false;
}

const pointsAtAddress = (pointer: number): boolean => pointer >= FIRST_POINTER && pointer % ADDRESS_BYTES === 0;

/** Addresses from byte 3 on. Those before the pointer were passed, and say where from; the one it points at is next. */
function route(kind: 'record' | 'source'): NonNullable<OptionType['write']> {
  return (inner, at, length) => {
    if (length < 3) return;
    const pointer = inner.uint(POINTER, at + 2, 1);
    if (!pointsAtAddress(pointer)) {
      inner.odd(`pointer ${pointer} points at no address`);
      return;
    }
    const ahead = (isLast: boolean) => (kind === 'record' ? EMPTY : isLast ? DESTINATION : SOURCE_ROUTE);
    for (let offset = FIRST_POINTER - 1; offset + ADDRESS_BYTES <= length; offset += ADDRESS_BYTES) {
      const isPassed = offset + 1 < pointer;
      inner.ipv4(isPassed ? RECORDED : ahead(offset + ADDRESS_BYTES === length), at + offset);
    }
  };
}
