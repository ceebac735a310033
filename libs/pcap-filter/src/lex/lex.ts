import type { Span } from '@bpfleet/errors';
import { syntaxFault, tooLargeFault } from '../fault.js';
import { readIpv4, readIpv6, readMac } from './addresses.js';
import { keywords, namedNumbers } from './keywords.js';
import type { Token, TokenValue } from './token.js';

/** More is no filter but a mistake, or an attack. */
const MAX_CHARACTERS = 1 << 20;

const SPACE = /[ \t\r\n]+/y;
/** An address with colons; it is one when there are two colons, since `tcp[13:2]` has one. */
const COLONS = /[0-9A-Fa-f]*:[0-9A-Fa-f:.]*/y;
/** libpcap's identifiers; numbers, dotted addresses and keywords have this form too. */
const WORD = /[A-Za-z0-9](?:[-_.A-Za-z0-9]*[.A-Za-z0-9])?/y;
/** A name that would be a keyword. */
const ESCAPED = /\\[^ !()\t\n]+/y;
const LINK_ADDRESS = /\$[0-9A-Fa-f]{1,2}/y;
const OPERATOR = />=|<=|!=|==|<<|>>|&&|\|\||[-+*/%:[\]!<>()&|^=,{}@]/y;
const SPELLED_OUT: Readonly<Record<string, string>> = { '&&': 'and', '||': 'or', '!': 'not' };

/**
 * Cuts the text into tokens; the last one is always `end`.
 * Of several readings the longest counts, as in libpcap's scanner: `80-90` is one name, twelve digits are a MAC address.
 * @throws BpfleetError `FILTER_SYNTAX` at a character or an address that is none, `FILTER_TOO_LARGE` for more than 1 MiB
 */
export function lex(expression: string): Token[] {
  if (expression.length > MAX_CHARACTERS) {
    throw tooLargeFault(
      `the expression has ${expression.length} characters; at most ${MAX_CHARACTERS} are read`,
      'give long lists as named sets: host in {@list}',
      { start: MAX_CHARACTERS, end: expression.length },
    );
  }
  const tokens: Token[] = [];
  // Most expressions have no address with colons at all.
  const lastColon = expression.lastIndexOf(':');
  let at = 0;
  for (;;) {
    at += matchAt(SPACE, expression, at).length;
    if (at >= expression.length) break;
    const { text, value } = nextToken(expression, at, at <= lastColon);
    tokens.push({ ...value, text, span: { start: at, end: at + text.length } });
    at += text.length;
  }
  tokens.push({ kind: 'end', text: '', span: { start: at, end: at } });
  return tokens;
}

interface Found {
  readonly text: string;
  readonly value: TokenValue;
}

function nextToken(expression: string, at: number, mayHaveColons: boolean): Found {
  const first = expression.charCodeAt(at);
  if (isWordStart(first) || first === COLON) {
    const withColons = mayHaveColons ? matchAt(COLONS, expression, at) : '';
    if (withColons.split(':').length > 2) return { text: withColons, value: colonAddress(withColons, at) };
    const word = matchAt(WORD, expression, at);
    if (word !== '') return { text: word, value: classify(word, { start: at, end: at + word.length }) };
  }
  const operator = matchAt(OPERATOR, expression, at);
  const keyword = SPELLED_OUT[operator];
  if (keyword !== undefined) return { text: operator, value: { kind: 'keyword', word: keyword } };
  if (operator !== '') return { text: operator, value: { kind: 'operator', operator } };
  const escaped = matchAt(ESCAPED, expression, at);
  if (escaped !== '') return { text: escaped, value: { kind: 'name', name: escaped.slice(1) } };
  const linkAddress = matchAt(LINK_ADDRESS, expression, at);
  if (linkAddress !== '') return { text: linkAddress, value: { kind: 'link-address' } };
  const character = String.fromCodePoint(expression.codePointAt(at) ?? 0);
  throw syntaxFault(
    { start: at, end: at + character.length },
    `${JSON.stringify(character)} is not a character of the filter language`,
    'filters are written as in tcpdump: tcp port 443 and host 10.0.0.7',
  );
}

const COLON = 0x3a;

/** A letter or a digit. */
function isWordStart(code: number): boolean {
  const lower = code | 0x20;
  return (code >= 0x30 && code <= 0x39) || (lower >= 0x61 && lower <= 0x7a);
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

function colonAddress(text: string, at: number): TokenValue {
  const bytes = readMac(text);
  if (bytes !== undefined) return { kind: 'mac', bytes };
  const words = readIpv6(text);
  if (words !== undefined) return { kind: 'ipv6', words };
  throw syntaxFault(
    { start: at, end: at + text.length },
    `${shortened(text)} is neither an IPv6 nor a MAC address`,
    'an IPv6 address as 2001:db8::1, a MAC address as 00:11:22:aa:bb:cc',
  );
}

function classify(text: string, span: Span): TokenValue {
  const word = keywords.get(text);
  if (word !== undefined) return { kind: 'keyword', word };
  const named = namedNumbers.get(text);
  if (named !== undefined) return { kind: 'number', value: named };
  const bytes = readMac(text);
  if (bytes !== undefined) return { kind: 'mac', bytes };
  if (/^(?:\d+|0[xX][0-9A-Fa-f]+)$/.test(text)) return { kind: 'number', value: readNumber(text, span) };
  if (!/^\d+(?:\.\d+){1,3}$/.test(text)) return { kind: 'name', name: text };
  const ipv4 = readIpv4(text);
  if (ipv4 !== undefined) return { kind: 'ipv4', ...ipv4 };
  // DECnet's area and node: the node goes up to 1023.
  if (/^\d+\.\d+$/.test(text)) return { kind: 'name', name: text };
  throw syntaxFault(span, `${shortened(text)} is not an IPv4 address`, 'each of its parts is at most 255');
}

/** Decimal, hexadecimal with 0x, octal with a leading 0; 32 bits. */
function readNumber(text: string, span: Span): number {
  const isOctal = /^0\d/.test(text);
  if (isOctal && /[89]/.test(text)) {
    throw syntaxFault(
      span,
      `${shortened(text)} starts with 0, so it is octal, and 8 and 9 are no octal digits`,
      'leave out the leading 0',
    );
  }
  const value = isOctal ? Number.parseInt(text, 8) : Number(text);
  if (value > 0xffff_ffff) throw syntaxFault(span, `${shortened(text)} does not fit into 32 bits`);
  return value;
}

/** For messages: a token can be as long as the input. */
export function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
