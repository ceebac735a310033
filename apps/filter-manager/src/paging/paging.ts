import { BpfleetError } from '@bpfleet/errors';

export interface PageRequest {
  readonly cursor?: string | undefined;
  readonly limit: number;
}
export interface Page<T> {
  items: T[];
  next?: string;
}

/**
 * One page of a list that is walked by its key: what is added or removed meanwhile shifts nothing.
 * @param list names the list in its cursors, so that one of another list is refused
 * @param fetch reads at most `limit` items that come after a key
 */
export async function pageOf<T>(
  list: string,
  { cursor, limit }: PageRequest,
  fetch: (after: string | undefined, limit: number) => Promise<T[]>,
  keyOf: (item: T) => string | number,
): Promise<Page<T>> {
  // One more than asked for tells whether there is a next page.
  const items = await fetch(cursor === undefined ? undefined : readCursor(list, cursor), limit + 1);
  if (items.length <= limit) return { items };
  const page = items.slice(0, limit);
  return { items: page, next: writeCursor(list, String(keyOf(page.at(-1)!))) };
}

const writeCursor = (list: string, key: string): string => Buffer.from(`${list}:${key}`).toString('base64url');

function readCursor(list: string, cursor: string): string {
  const [kind, key] = Buffer.from(cursor, 'base64url').toString().split(':', 2);
  if (kind === list && key) return key;
  throw new BpfleetError('REQUEST_INVALID', 'this cursor is not of this list', {
    hint: 'pass `next` of the page before, unchanged; leave it out for the first page',
  });
}
