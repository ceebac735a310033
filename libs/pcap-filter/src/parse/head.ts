import { unsupportedFault } from '../fault.js';
import type { Token } from '../lex/token.js';
import { type Cursor, isKeyword } from './cursor.js';
import type { Direction, Qualifiers, Type, WlanAddress } from './tree.js';
import { OPERATORS, wlanDirections } from './words.js';

/** Behind a direction there are fewer. */
const DIRECTED_TYPES: readonly Type[] = ['host', 'net', 'port', 'portrange'];
const TYPES: readonly Type[] = [...DIRECTED_TYPES, 'proto', 'protochain'];
const SIDES = ['src', 'dst'] as const;
const WORDS: ReadonlySet<string> = new Set([...SIDES, ...TYPES, 'gateway', ...wlanDirections]);

/** Whether the token is a word that continues a head: a direction or a type. */
export function continuesHead(token: Token): boolean {
  return token.kind === 'keyword' && WORDS.has(token.word);
}

/**
 * Reads `[direction] [type]`, at least one of them; the protocol in front was read already.
 * `proto` and `protochain` take no direction, as in libpcap.
 */
export function readHead(cursor: Cursor, protocol: string | undefined, start: number): Qualifiers {
  const direction = readDirection(cursor);
  if (isKeyword(cursor.peek(), 'gateway')) throw gatewayFault(cursor.peek());
  const type = cursor.takeOneOf(direction === undefined ? TYPES : DIRECTED_TYPES);
  return { protocol, direction, type, span: cursor.spanFrom(start) };
}

function readDirection(cursor: Cursor): Direction | WlanAddress | undefined {
  const first = cursor.takeOneOf(SIDES);
  if (first === undefined) return cursor.takeOneOf(wlanDirections);
  if (!isKeyword(cursor.peek(1), first === 'src' ? 'dst' : 'src')) return first;
  const operator = cursor.takeOneOf(OPERATORS);
  if (operator === undefined) return first;
  cursor.next();
  return `src ${operator} dst`;
}

/** It compares MAC addresses of names, and no table here knows which MAC address a host has. */
function gatewayFault({ span }: Token) {
  return unsupportedFault(
    span,
    '“gateway” needs the MAC address of a host',
    'ether host 00:11:22:aa:bb:cc and not host 10.0.0.1',
  );
}
