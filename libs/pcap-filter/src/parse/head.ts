import type { Span } from '@bpfleet/errors';
import { unsupportedFault } from '../fault.js';
import { type Cursor, isKeyword } from './cursor.js';
import type { Direction, Qualifiers, Type } from './tree.js';
import { wlanDirections } from './words.js';

const TYPES: readonly Type[] = ['host', 'net', 'port', 'portrange'];

/** Whether the cursor stands at a word that continues a head: a direction or a type. */
export function continuesHead(cursor: Cursor): boolean {
  return isKeyword(cursor.peek(), 'src', 'dst', ...TYPES, 'proto', 'protochain', 'gateway', ...wlanDirections);
}

/**
 * Reads `[direction] [type]`, at least one of them; the protocol in front was read already.
 * `proto` takes no direction, as in libpcap.
 */
export function readHead(cursor: Cursor, protocol: string | undefined, start: number): Qualifiers {
  const direction = readDirection(cursor);
  refuseUnsupported(cursor);
  const type = TYPES.find((word) => cursor.takeKeyword(word)) ?? (direction ? undefined : cursor.takeKeyword('proto'));
  const span: Span = { start, end: cursor.peek(-1).span.end };
  return {
    ...(protocol !== undefined && { protocol }),
    ...(direction !== undefined && { direction }),
    ...(type !== undefined && { type: type as Type }),
    span,
  };
}

function readDirection(cursor: Cursor): Direction | undefined {
  if (isKeyword(cursor.peek(), ...wlanDirections))
    throw unsupportedFault(cursor.peek().span, `“${cursor.peek().text}”`);
  const first = cursor.takeKeyword('src', 'dst');
  if (first === undefined) return undefined;
  const other = first === 'src' ? 'dst' : 'src';
  for (const operator of ['or', 'and'] as const) {
    if (isKeyword(cursor.peek(), operator) && isKeyword(cursor.peek(1), other)) {
      cursor.next();
      cursor.next();
      return `src ${operator} dst`;
    }
  }
  return first as Direction;
}

function refuseUnsupported(cursor: Cursor): void {
  const token = cursor.peek();
  if (isKeyword(token, 'protochain', 'gateway')) throw unsupportedFault(token.span, `“${token.text}”`);
}
