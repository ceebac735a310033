import type { Span } from '@bpfleet/errors';
import { syntaxFault, tooLargeFault } from '../fault.js';
import { readDottedQuad, readIpv4, readIpv6, readMac, readShortNumber } from './addresses.js';
import { keywords, namedNumbers } from './keywords.js';
import type { Token, TokenValue } from './token.js';

/** More is no filter but a mistake, or an attack. */
const MAX_CHARACTERS = 1 << 20;

/** An address with colons; it is one when there are two colons, since `tcp[13:2]` has one. */
const COLONS = /[0-9A-Fa-f]*:[0-9A-Fa-f:.]*/y;
/** A name that would be a keyword. */
const ESCAPED = /\\[^ !()\t\n]+/y;
const LINK_ADDRESS = /\$[0-9A-Fa-f]{1,2}/y;
const LONG_OPERATORS: ReadonlySet<string> = new Set(['>=', '<=', '!=', '==', '<<', '>>', '&&', '||']);
const OPERATORS = '-+*/%:[]!<>()&|^=,{}@';
const SPELLED_OUT: ReadonlyMap<string, string> = new Map([
  ['&&', 'and'],
  ['||', 'or'],
  ['!', 'not'],
]);

/**
 * Cuts the text into tokens; the last one is always `end`.
 * Of several readings the longest counts, as in libpcap's scanner: `80-90` is one name, twelve digits are a MAC address.
 * @throws BpfleetError `FILTER_SYNTAX` at a character or an address that is none, `FILTER_TOO_LARGE` for more than 1 MiB
 */
export function lex(expression: string): Token[] {
  if (expression.length > MAX_CHARACTERS) throw tooLong(expression);
  const tokens: Token[] = [];
  // Most expressions have no address with colons at all.
  const lastColon = expression.lastIndexOf(':');
  let at = 0;
  for (;;) {
    while (isSpace(expression.charCodeAt(at))) at++;
    if (at >= expression.length) break;
    const token = nextToken(expression, at, at <= lastColon);
    tokens.push(token);
    at = token.span.end;
  }
  tokens.push({ kind: 'end', text: '', span: { start: at, end: at } });
  return tokens;
}

function tooLong({ length }: string) {
  return tooLargeFault(
    `the expression has ${length} characters; at most ${MAX_CHARACTERS} are read`,
    'give long lists as named sets: host in {@list}',
    { start: MAX_CHARACTERS, end: length },
  );
}

function nextToken(expression: string, at: number, mayHaveColons: boolean): Token {
  if (mayHaveColons) {
    const withColons = matchAt(COLONS, expression, at);
    if (withColons.split(':').length > 2) return colonAddress(withColons, spanOf(withColons, at));
  }
  const first = expression.charCodeAt(at);
  if (isWordStart(first)) {
    const text = expression.slice(at, endOfWord(expression, at));
    return wordToken(text, spanOf(text, at));
  }
  const pair = expression.slice(at, at + 2);
  const text = LONG_OPERATORS.has(pair) ? pair : pair.charAt(0);
  const word = SPELLED_OUT.get(text);
  if (word !== undefined) return { kind: 'keyword', word, text, span: spanOf(text, at) };
  return OPERATORS.includes(text.charAt(0))
    ? { kind: 'operator', operator: text, text, span: spanOf(text, at) }
    : rareToken(expression, at);
}

/** What begins with a character that stands in few expressions. */
function rareToken(expression: string, at: number): Token {
  const escaped = matchAt(ESCAPED, expression, at);
  if (escaped !== '') return { kind: 'name', name: escaped.slice(1), text: escaped, span: spanOf(escaped, at) };
  const text = matchAt(LINK_ADDRESS, expression, at);
  if (text !== '') return { kind: 'link-address', text, span: spanOf(text, at) };
  const character = String.fromCodePoint(expression.codePointAt(at) ?? 0);
  throw syntaxFault(
    spanOf(character, at),
    `${JSON.stringify(character)} is not a character of the filter language`,
    'filters are written as in tcpdump: tcp port 443 and host 10.0.0.7',
  );
}

function spanOf(text: string, start: number): Span {
  return { start, end: start + text.length };
}

const [TAB, NEWLINE, RETURN, BLANK] = [0x09, 0x0a, 0x0d, 0x20];

function isSpace(code: number): boolean {
  return code === BLANK || code === NEWLINE || code === TAB || code === RETURN;
}

/** A letter or a digit. */
function isWordStart(code: number): boolean {
  const lower = code | 0x20;
  return (code >= 0x30 && code <= 0x39) || (lower >= 0x61 && lower <= 0x7a);
}

const [DASH, DOT, UNDERSCORE] = [0x2d, 0x2e, 0x5f];

/** libpcap's identifiers end with a letter, a digit or a dot; numbers, dotted addresses and keywords have this form too. */
function endOfWord(text: string, start: number): number {
  let end = start;
  for (let index = start; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (isWordStart(code) || code === DOT) end = index + 1;
    else if (code !== DASH && code !== UNDERSCORE) break;
  }
  return end;
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

function colonAddress(text: string, span: Span): Token {
  const bytes = readMac(text);
  if (bytes !== undefined) return { kind: 'mac', bytes, text, span };
  const words = readIpv6(text);
  if (words !== undefined) return { kind: 'ipv6', words, text, span };
  throw syntaxFault(
    span,
    `${shortened(text)} is neither an IPv6 nor a MAC address`,
    'an IPv6 address as 2001:db8::1, a MAC address as 00:11:22:aa:bb:cc',
  );
}

function wordToken(text: string, span: Span): Token {
  const word = keywords.get(text);
  if (word !== undefined) return { kind: 'keyword', word, text, span };
  const value = namedNumbers.get(text) ?? readShortNumber(text);
  if (value !== undefined) return { kind: 'number', value, text, span };
  const address = readDottedQuad(text);
  if (address !== undefined) return { kind: 'ipv4', address, bits: 32, text, span };
  return { ...classify(text, span), text, span };
}

/** Nearly all words are read by now. */
function classify(text: string, span: Span): TokenValue {
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
