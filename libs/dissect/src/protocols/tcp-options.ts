import { field, named, unit } from '../field.js';
import type { Layer } from '../layer.js';
import { forEachOption } from '../options.js';

interface OptionKind {
  readonly name: string;
  readonly title: string;
  /** What is behind kind and length. */
  readonly write?: (inner: Layer, at: number, length: number) => void;
}

const MAX_SEGMENT = field('tcp.options.mss_val', 'Maximum segment size', unit('bytes'));
const SHIFT = field('tcp.options.wscale.shift', 'Shift');
const LEFT = field('tcp.options.sack_le', 'Left edge');
const RIGHT = field('tcp.options.sack_re', 'Right edge');
const TIMESTAMP = field('tcp.options.timestamp.tsval', 'Timestamp');
const ECHO = field('tcp.options.timestamp.tsecr', 'Timestamp echo');

const END = 0;

const kinds: Readonly<Record<number, OptionKind>> = {
  [END]: { name: 'tcp.options.eol', title: 'End of options' },
  1: { name: 'tcp.options.nop', title: 'No operation' },
  2: {
    name: 'tcp.options.mss',
    title: 'Maximum segment size',
    write: (inner, at, length) => length === 4 && inner.uint(MAX_SEGMENT, at + 2, 2),
  },
  3: {
    name: 'tcp.options.wscale',
    title: 'Window scale',
    write: (inner, at, length) => length === 3 && inner.uint(SHIFT, at + 2, 1),
  },
  4: { name: 'tcp.options.sack_perm', title: 'SACK permitted' },
  5: { name: 'tcp.options.sack', title: 'SACK', write: selectiveAcknowledgment },
  8: {
    name: 'tcp.options.timestamp',
    title: 'Timestamps',
    write: (inner, at, length) => {
      if (length !== 10) return;
      inner.uint(TIMESTAMP, at + 2, 4);
      inner.uint(ECHO, at + 6, 4);
    },
  },
  19: { name: 'tcp.options.md5', title: 'MD5 signature' },
  29: { name: 'tcp.options.ao', title: 'Authentication' },
  30: { name: 'tcp.options.mptcp', title: 'Multipath TCP' },
  34: { name: 'tcp.options.tfo', title: 'Fast open' },
};
const KIND = field(
  'tcp.option_kind',
  'Kind',
  named(Object.fromEntries(Object.entries(kinds).map(([kind, { title }]) => [kind, title]))),
);
const LENGTH = field('tcp.option_len', 'Length');

/** RFC 9293, 3.2; RFC 7323; RFC 2018. */
export function dissectTcpOptions(layer: Layer, at: number, end: number): void {
  if (at === end) return;
  layer.group('tcp.options', `Options (${end - at} bytes)`, at, end - at, (options) => {
    let next = at;
    const odd = forEachOption(options.slice, at, end, (kind, start, length) => {
      writeOption(options, kind, start, length);
      next = start + length;
    });
    options.odd(odd ?? writePadding(options, next, end));
  });
}

function writeOption(options: Layer, kind: number, at: number, length: number): void {
  const { name, title, write } = kinds[kind] ?? { name: 'tcp.options.unknown', title: 'Unknown option' };
  options.group(name, `${title} (${length} bytes)`, at, length, (inner) => {
    inner.uint(KIND, at, 1);
    if (kind > 1) inner.uint(LENGTH, at + 1, 1);
    write?.(inner, at, length);
  });
}

/** Behind the end of options are zeros (RFC 9293, 3.2), each of which ends them again. @returns what is odd, if anything is */
function writePadding(options: Layer, at: number, end: number): string | undefined {
  while (at < end && options.slice.u8(at) === END) writeOption(options, END, at++, 1);
  return at < end ? `bytes behind the end of options, at byte ${options.slice.start + at}` : undefined;
}

function selectiveAcknowledgment(inner: Layer, at: number, length: number): void {
  for (let offset = 2; offset + 8 <= length; offset += 8) {
    inner.uint(LEFT, at + offset, 4);
    inner.uint(RIGHT, at + offset + 4, 4);
  }
}
