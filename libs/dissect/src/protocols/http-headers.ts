import { type Field, field } from '../field.js';
import type { Layer } from '../layer.js';
import type { Slice } from '../slice.js';

/** Of what is neither request nor response: a notification. */
const OTHER_LINE = field('http.unknown_header', 'Header');
const COOKIE_PAIR = field('http.cookie_pair', 'Cookie pair');
const CONTENT_LENGTH = field('http.content_length', 'Content length');

const [SPACE, COLON, SEMICOLON] = [0x20, 0x3a, 0x3b];

/** Wireshark's field of a header is its name in small letters, but for this one's. */
const fieldOf = (header: string): Field =>
  field(
    `http.${header === 'Content-Length' ? 'content_length_header' : header.toLowerCase().replaceAll('-', '_')}`,
    header,
  );

/** Header lines that have a field of their own, in lower case. */
const headers = new Map<string, Field>(
  [
    ...['Accept', 'Accept-Encoding', 'Accept-Language', 'Authorization', 'Cache-Control', 'Connection'],
    ...['Content-Encoding', 'Content-Length', 'Content-Type', 'Cookie', 'Date', 'Host', 'Last-Modified', 'Location'],
    ...[
      'Proxy-Authorization',
      'Referer',
      'Server',
      'Set-Cookie',
      'Transfer-Encoding',
      'Upgrade',
      'User-Agent',
      'WWW-Authenticate',
      'X-Forwarded-For',
    ],
  ].map((header) => [header.toLowerCase(), fieldOf(header)]),
);
/** Passwords and tokens: of these lines a dissection shows where they are, and no value. */
const SECRETS: readonly string[] = ['authorization', 'proxy-authorization'];

/**
 * @param lineBytes its end included: that is the place of the field, as its value is the line's
 * @param lineField of the whole line; none in a notification
 */
export function writeHeaderLine(
  layer: Layer,
  at: number,
  length: number,
  lineBytes: number,
  lineField: Field | undefined,
): void {
  const { slice } = layer;
  const end = at + length;
  const colon = slice.find(COLON, at, end);
  const nameLength = colon < 0 ? 0 : colon - at;
  // Names are short: what is longer has no field of its own.
  const name = nameLength > 0 && nameLength < 32 ? slice.latin1(at, nameLength).toLowerCase() : '';
  const known = headers.get(name);
  if (known === undefined) {
    layer.place(lineField ?? OTHER_LINE, at, lineBytes, at, length);
    return;
  }
  if (SECRETS.includes(name)) {
    layer.payload(known, at, lineBytes);
    if (lineField !== undefined) layer.within((inner) => inner.payload(lineField, at, lineBytes));
    return;
  }
  const valueAt = behindSpaces(layer, at + nameLength + 1, end);
  layer.place(known, at, lineBytes, valueAt, end - valueAt);
  layer.within((inner) => {
    if (name === 'cookie') writeParts(inner, COOKIE_PAIR, SEMICOLON, valueAt, end);
    const number = name === 'content-length' ? numberIn(slice, valueAt, end) : undefined;
    if (number !== undefined) inner.add(CONTENT_LENGTH, at, lineBytes, number);
    // A filter finds a header by its line, too, but for those of notifications.
    if (lineField !== undefined) inner.place(lineField, at, lineBytes, at, length);
  });
}

/** A line may be as long as the packet, a number that is exact has 15 digits at most. */
function numberIn(slice: Slice, at: number, end: number): number | undefined {
  const text = end - at <= 15 ? slice.latin1(at, end - at) : '';
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** A list without its separators and the spaces behind them. */
export function writeParts(inner: Layer, part: Field, separator: number, at: number, end: number): void {
  while (at < end) {
    const partAt = behindSpaces(inner, at, end);
    const found = inner.slice.find(separator, partAt, end);
    const partEnd = found < 0 ? end : found;
    inner.text(part, partAt, partEnd - partAt);
    at = partEnd + 1;
  }
}

function behindSpaces({ slice }: Layer, at: number, end: number): number {
  while (at < end && slice.u8(at) === SPACE) at++;
  return at;
}
