import { BpfleetError } from '@bpfleet/errors';
import type { FlowCursor, FlowQuery } from '@bpfleet/store';
import { z } from 'zod';
import { AskedTime, StoredNumber } from '../cursor-numbers.js';

/** Where a list of flows goes on, and of which range it is. */
export interface FlowListCursor {
  readonly range: Pick<FlowQuery, 'sinceNs' | 'untilNs'>;
  readonly after: FlowCursor;
}

const Port = z.int().min(-1).max(65_535);
const CursorFields = z.tuple([
  z.string().max(16),
  AskedTime,
  AskedTime,
  StoredNumber,
  z.string().max(80),
  z.string().max(90_000),
  z.union([z.ipv4(), z.ipv6()]),
  z.union([z.ipv4(), z.ipv6()]),
  Port,
  Port,
  z.int().min(0).max(255),
]);

/** @param digest names the query: `queryDigest` */
export function cursorText(digest: string, { sinceNs, untilNs }: FlowListCursor['range'], flow: FlowCursor): string {
  const { lastNs, agent, filters, source, destination, sourcePort, destinationPort, protocol } = flow;
  const times = [sinceNs, untilNs, lastNs].map(String);
  const fields = [digest, ...times, agent, filters, source, destination, sourcePort, destinationPort, protocol];
  return Buffer.from(JSON.stringify(fields)).toString('base64url');
}

/** @throws BpfleetError `REQUEST_INVALID` for what is no cursor, and for one of another query than `digest` names */
export function readCursor(text: string, digest: string): FlowListCursor {
  const [query, sinceNs, untilNs, lastNs, agent, filters, source, destination, sourcePort, destinationPort, protocol] =
    fieldsOf(text);
  if (query !== digest) {
    throw new BpfleetError('REQUEST_INVALID', 'the cursor is of another query', {
      hint: 'ask with the filter, agent and version that it came from; or without a cursor',
    });
  }
  const after = { lastNs, agent, filters, source, destination, sourcePort, destinationPort, protocol };
  return { range: { sinceNs, untilNs }, after };
}

function fieldsOf(text: string): z.infer<typeof CursorFields> {
  try {
    return CursorFields.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')));
  } catch (error) {
    throw new BpfleetError('REQUEST_INVALID', 'the cursor is none of a list of flows', {
      cause: error,
      hint: 'take `next` of the page before as it is',
    });
  }
}
