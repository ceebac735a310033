import type { Span } from '@bpfleet/errors';
import { unsupportedFault } from '../fault.js';
import { type Cursor, isKeyword } from './cursor.js';
import type { Direction, Qualifiers, Type, WlanAddress } from './tree.js';
import { wlanDirections } from './words.js';

const TYPES: readonly Type[] = ['host', 'net', 'port', 'portrange'];

/** Whether the cursor stands at a word that continues a head: a direction or a type. */
export function continuesHead(cursor: Cursor): boolean {
  return isKeyword(cursor.peek(), 'src', 'dst', ...TYPES, 'proto', 'protochain', 'gateway', ...wlanDirections);
}

/**
 * Reads `[direction] [type]`, at least one of them; the protocol in front was read already.
 * `proto` and `protochain` take no direction, as in libpcap.
 */
export function readHead(cursor: Cursor, protocol: string | undefined, start: number): Qualifiers {
  const direction = readDirection(cursor);
  refuseGateway(cursor);
  const type =
    TYPES.find((word) => cursor.takeKeyword(word)) ??
    (direction ? undefined : cursor.takeKeyword('proto', 'protochain'));
  const span: Span = { start, end: cursor.peek(-1).span.end };
  return {
    ...(protocol !== undefined && { protocol }),
    ...(direction !== undefined && { direction }),
    ...(type !== undefined && { type: type as Type }),
    span,
  };
}

function readDirection(cursor: Cursor): Direction | WlanAddress | undefined {
  const address = cursor.takeKeyword(...wlanDirections);
  if (address !== undefined) return address as WlanAddress;
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

/** It compares MAC addresses of names, and no table here knows which MAC address a host has. */
function refuseGateway(cursor: Cursor): void {
  const token = cursor.peek();
  if (!isKeyword(token, 'gateway')) return;
  throw unsupportedFault(
    token.span,
    '“gateway” needs the MAC address of a host',
    'ether host 00:11:22:aa:bb:cc and not host 10.0.0.1',
  );
}
