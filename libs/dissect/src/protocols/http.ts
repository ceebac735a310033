import { field } from '../field.js';
import type { Layer } from '../layer.js';
import type { Protocol } from '../protocol.js';
import type { Slice } from '../slice.js';
import { writeHeaderLine, writeParts } from './http-headers.js';

const METHOD = field('http.request.method', 'Method');
const URI = field('http.request.uri', 'URI');
const PATH = field('http.request.uri.path', 'Path');
const QUERY = field('http.request.uri.query', 'Query');
const PARAMETER = field('http.request.uri.query.parameter', 'Parameter');
const REQUEST_VERSION = field('http.request.version', 'Version');
const RESPONSE_VERSION = field('http.response.version', 'Version');
const CODE = field('http.response.code', 'Status code');
const PHRASE = field('http.response.phrase', 'Reason');
const REQUEST_LINE = field('http.request.line', 'Header');
const RESPONSE_LINE = field('http.response.line', 'Header');
const BODY = field('http.file_data', 'Body');

const startsOf = (...words: readonly string[]) => words.map((word) => new TextEncoder().encode(word));
const STARTS = startsOf(
  'HTTP/',
  ...['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE', 'PATCH', 'PROPFIND'].map((m) => `${m} `),
);
/** WebDAV (RFC 4918, RFC 3253, RFC 5323). */
const WEBDAV_STARTS = startsOf(
  ...[
    'PROPPATCH ',
    'MKCOL ',
    'COPY ',
    'MOVE ',
    'LOCK ',
    'UNLOCK ',
    'REPORT ',
    'MKACTIVITY ',
    'MKWORKSPACE ',
    'CHECKIN ',
  ],
  ...['CHECKOUT ', 'UNCHECKOUT ', 'UPDATE ', 'LABEL ', 'MERGE ', 'VERSION-CONTROL ', 'BASELINE-CONTROL ', 'SEARCH '],
);
/** General Event Notification Architecture, as UPnP devices speak it: UPnP Device Architecture 2.0, 4. */
const NOTIFICATION_STARTS = startsOf('NOTIFY ', 'SUBSCRIBE ', 'UNSUBSCRIBE ');
const VERSION = 'HTTP/1.';
const [NEW_LINE, RETURN, SPACE, QUESTION_MARK, AMPERSAND] = [0x0a, 0x0d, 0x20, 0x3f, 0x26];
/** More than any server takes (8 KiB for a line, 100 lines). */
const MOST_LINES = 200;
const CODE_DIGITS = 3;

/** HTTP/1: RFC 9112, 2 to 5. What a segment from a message's middle carries is not known as HTTP. */
export const http: Protocol = {
  name: 'http',
  title: 'Hypertext Transfer Protocol',
  accepts: (payload) =>
    beginsWithAny(payload, STARTS) ||
    // Words of other protocols, too, but for the version behind them.
    ((beginsWithAny(payload, WEBDAV_STARTS) || isNotification(payload)) && endsWithVersion(payload)),
  dissect(layer, next) {
    const first = lineAt(layer.slice, 0);
    const isResponse = beginsWith(layer.slice, STARTS[0]!);
    layer.group('http.start_line', 'Start line', 0, first.next, (line) => {
      if (isResponse) writeStatusLine(line, first.length);
      else writeRequestLine(line, first.length);
    });
    // A notification is neither request nor response.
    const headerLine = isResponse ? RESPONSE_LINE : isNotification(layer.slice) ? undefined : REQUEST_LINE;
    let at = first.next;
    for (let lines = 0; at < layer.slice.presentLength && lines < MOST_LINES; lines++) {
      const { length, next } = lineAt(layer.slice, at);
      if (length > 0) writeHeaderLine(layer, at, length, next - at, headerLine);
      at = next;
      if (length === 0) break;
    }
    layer.payload(BODY, at, layer.slice.presentLength - at);
    next.quoted(layer, () => next.asData(layer.slice.part(at)));
    return undefined;
  },
};

const beginsWith = (slice: Slice, start: Uint8Array): boolean =>
  slice.capturedLength >= start.length && start.every((byte, i) => slice.bytes[slice.start + i] === byte);

const beginsWithAny = (slice: Slice, starts: readonly Uint8Array[]): boolean =>
  starts.some((start) => beginsWith(slice, start));
const isNotification = (slice: Slice): boolean => beginsWithAny(slice, NOTIFICATION_STARTS);

/** `HTTP/1.1` stands at the end of the first line. */
function endsWithVersion(slice: Slice): boolean {
  const { length } = lineAt(slice, 0);
  const at = length - VERSION.length - 1;
  return at > 0 && slice.latin1(at, VERSION.length) === VERSION;
}

interface Line {
  /** Without its end. */
  readonly length: number;
  /** Where the next line begins: at the end of what was captured when this one has no end. */
  readonly next: number;
}

function lineAt(slice: Slice, at: number): Line {
  slice.need(at, 1);
  const end = slice.find(NEW_LINE, at);
  const textEnd = end < 0 ? slice.capturedLength : end;
  const hasReturn = textEnd > at && slice.u8(textEnd - 1) === RETURN;
  return { length: textEnd - at - (hasReturn ? 1 : 0), next: end < 0 ? textEnd : end + 1 };
}

/** Method, target, version: RFC 9112, 3. */
function writeRequestLine(line: Layer, length: number): void {
  const uriAt = spaceIn(line.slice, 0, length) + 1;
  const uriEnd = spaceIn(line.slice, uriAt, length);
  line.text(METHOD, 0, uriAt - 1);
  line.text(URI, uriAt, uriEnd - uriAt);
  line.within((uri) => writeQuery(uri, uriAt, uriEnd));
  if (uriEnd + 1 < length) line.text(REQUEST_VERSION, uriEnd + 1, length - uriEnd - 1);
}

/** Takes a target apart that has a query (RFC 3986, 3.4). */
function writeQuery(uri: Layer, at: number, end: number): void {
  const queryAt = uri.slice.find(QUESTION_MARK, at, end) + 1;
  if (queryAt === 0 || queryAt === end) return;
  uri.text(PATH, at, queryAt - 1 - at);
  uri.text(QUERY, queryAt, end - queryAt);
  uri.within((query) => writeParts(query, PARAMETER, AMPERSAND, queryAt, end));
}

/** Version, code, reason: RFC 9112, 4. */
function writeStatusLine(line: Layer, length: number): void {
  const versionEnd = spaceIn(line.slice, 0, length);
  line.text(RESPONSE_VERSION, 0, versionEnd);
  const codeAt = versionEnd + 1;
  const codeEnd = spaceIn(line.slice, codeAt, length);
  if (codeEnd <= codeAt) return;
  // A line may be as long as the packet.
  const code = codeEnd - codeAt === CODE_DIGITS ? line.slice.latin1(codeAt, CODE_DIGITS) : '';
  if (/^\d+$/.test(code)) line.add(CODE, codeAt, CODE_DIGITS, Number(code));
  else line.odd('the status code is not a number of three digits');
  if (codeEnd + 1 < length) line.text(PHRASE, codeEnd + 1, length - codeEnd - 1);
}

/** Where the next space is, or the line's end. */
function spaceIn(slice: Slice, at: number, end: number): number {
  const space = slice.find(SPACE, at, end);
  return space < 0 ? end : space;
}
