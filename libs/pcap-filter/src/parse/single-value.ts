import { syntaxFault, unsupportedFault } from '../fault.js';
import { shortened } from '../lex/lex.js';
import type { Token } from '../lex/token.js';
import { type Cursor, isKeyword, isOperator, unexpected } from './cursor.js';
import type { Value, ValueSet } from './tree.js';

/** Whether a token can be a value: what follows `port` or, in a list, `or`. */
export function startsValue({ kind }: Token): boolean {
  return kind !== 'keyword' && kind !== 'operator' && kind !== 'end';
}

/** The `/8` or `mask 255.0.0.0` behind an address. */
export function withMask(cursor: Cursor, token: Token): Exclude<Value, ValueSet> {
  switch (token.kind) {
    case 'ipv4':
      if (cursor.takeKeyword('mask')) return { ...token, mask: expectIpv4(cursor) };
      return cursor.takeOperator('/') ? { ...token, prefixLength: expectNumber(cursor) } : token;
    case 'ipv6':
      if (isOperator(cursor.peek(), '%')) throw zoneFault(cursor);
      return cursor.takeOperator('/') ? { ...token, prefixLength: expectNumber(cursor) } : token;
    case 'number':
      if (isOperator(cursor.peek(), '/') || isKeyword(cursor.peek(), 'mask')) throw maskedNumber(token, cursor.peek());
      return token;
    case 'name':
    case 'mac':
      return token;
    case 'link-address':
      throw unsupportedFault(token.span, 'an address of one byte is for ARCnet and MS/TP only');
    default:
      throw unexpected(token, 'a value');
  }
}

function maskedNumber({ text }: Token, { span }: Token) {
  return syntaxFault(
    span,
    'only an address with dots takes a mask',
    `${shortened(text)}.0.0.0/8, if the network of that number is meant`,
  );
}

/** RFC 4007, section 11: `fe80::1%eth0`, as `ip` and `ping` show it; the cursor stands at the `%`. */
function zoneFault(cursor: Cursor) {
  const { text, span } = cursor.next();
  const name = cursor.peek();
  const isNamed = (startsValue(name) || name.kind === 'keyword') && name.span.start === span.end;
  return syntaxFault(
    { start: span.start, end: isNamed ? name.span.end : span.end },
    'an address in a filter has no zone: no packet carries one',
    `leave out “${text}${isNamed ? shortened(name.text) : ''}”`,
  );
}

function expectNumber(cursor: Cursor): number {
  const token = cursor.next();
  if (token.kind !== 'number') throw unexpected(token, 'the length of the network’s prefix', 'net 10.0.0.0/8');
  return token.value;
}

function expectIpv4(cursor: Cursor) {
  const token = cursor.next();
  if (token.kind !== 'ipv4') throw unexpected(token, 'an IPv4 mask', 'net 10.0.0.0 mask 255.0.0.0');
  return token;
}
