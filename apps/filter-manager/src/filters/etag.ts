import { createHash } from 'node:crypto';
import { canonicalJson, type Filter } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import type { Precondition } from './filter-store.js';

/** Names this state of a filter, its assignments included. */
export const etagOf = (filter: Filter): string =>
  `"${createHash('sha256').update(canonicalJson(filter)).digest('base64url').slice(0, 22)}"`;

/**
 * `If-Match` (RFC 9110, 13.1.1): change a filter only as long as it is what the caller saw.
 * @returns undefined when the caller does not ask for it
 */
export function ifMatch(header: string | undefined): Precondition | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  const accepted = header.split(',').map((tag) => tag.trim());
  return (current) => {
    if (accepted.includes(etagOf(current))) return;
    throw new BpfleetError('VERSION_CONFLICT', `filter ${current.name} is not what it was when you read it`, {
      hint: 'read it again, and repeat the change if it still makes sense',
    });
  };
}
