import { field } from '../field.js';
import type { Layer } from '../layer.js';
import { forEachOption } from '../options.js';

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
  7: { name: 'ip.options.record_route', title: 'Record route', write: route(RECORDED) },
  68: { name: 'ip.options.timestamp', title: 'Timestamp' },
  130: { name: 'ip.options.security', title: 'Security' },
  131: { name: 'ip.options.source_route', title: 'Loose source route', write: route(SOURCE_ROUTE) },
  136: {
    name: 'ip.options.sid',
    title: 'Stream',
    write: (inner, at, length) => length === 4 && inner.uint(STREAM, at + 2, 2),
  },
  137: { name: 'ip.options.source_route', title: 'Strict source route', write: route(SOURCE_ROUTE) },
  148: {
    name: 'ip.options.routeralert',
    title: 'Router alert',
    write: (inner, at, length) => length === 4 && inner.uint(ROUTER_ALERT, at + 2, 2),
  },
};

/** RFC 791, 3.1. */
export function dissectIpv4Options(layer: Layer, at: number, end: number): void {
  layer.group('ip.options', `Options (${end - at} bytes)`, at, end - at, (options) => {
    forEachOption(options, at, end, (type, start, length) => {
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
  });
}

/** Addresses from byte 3 on. The pointer counts bytes from 1, and points at the next address to be used. */
function route(used: typeof RECORDED): NonNullable<OptionType['write']> {
  return (inner, at, length) => {
    if (length < 3) return;
    const pointer = inner.uint(POINTER, at + 2, 1);
    for (let offset = 3; offset + 4 <= length; offset += 4) {
      inner.ipv4(used === RECORDED && offset + 1 >= pointer ? EMPTY : used, at + offset);
    }
  };
}
