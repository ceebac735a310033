import { TailCursorText } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import type { TailPlace } from '@bpfleet/store';
import { z } from 'zod';
import { AskedTime, StoredNumber } from '../cursor-numbers.js';

/** All that a tail has to know to go on exactly where it was. */
export interface TailCursor {
  /** Packets captured before are none of its business; it stays that of the first request. */
  readonly sinceNs: bigint;
  readonly places: readonly TailPlace[];
  /** Of a partition that is not among the places all was given out that was stored before this. */
  readonly seenUs: number;
  /** Which query it is of: `queryDigest`. */
  readonly query: string;
}

const Micros = z.int().nonnegative();
const Wire = z.strictObject({
  s: AskedTime,
  t: Micros,
  q: z.string().regex(/^[A-Za-z0-9_-]{1,16}$/),
  // By log: partition, next offset, replacement, stored from.
  l: z.record(
    z.string().max(1024),
    z
      .array(
        z.tuple([
          z
            .int()
            .nonnegative()
            .max(2 ** 31 - 1),
          StoredNumber,
          StoredNumber,
          Micros,
        ]),
      )
      .max(10_000),
  ),
});

/** `1.` and base64url of JSON: fit for a header and for a URL. */
export function formatTailCursor({ sinceNs, places, seenUs, query }: TailCursor): string {
  const logs = new Map<string, unknown[]>();
  for (const { logId, partition, next, replacement, storedFromUs } of places) {
    const entries = logs.get(logId) ?? [];
    logs.set(logId, entries);
    entries.push([partition, String(next), String(replacement), storedFromUs]);
  }
  const wire = { s: String(sinceNs), t: seenUs, q: query, l: Object.fromEntries(logs) };
  return `1.${Buffer.from(JSON.stringify(wire)).toString('base64url')}`;
}

/** @throws BpfleetError `REQUEST_INVALID` for what is no cursor, and for one of another query than `query` */
export function parseTailCursor(text: string, query: string): TailCursor {
  const wire = TailCursorText.safeParse(text).success ? Wire.safeParse(jsonOf(text.slice(2))) : undefined;
  if (!wire?.success) {
    throw new BpfleetError('REQUEST_INVALID', 'this is no cursor of a tail', {
      hint: 'take it as it came, from a cursor line or the id of an event; or begin anew with since',
    });
  }
  const { s: sinceNs, t: seenUs, l: logs } = wire.data;
  if (wire.data.q !== query) {
    throw new BpfleetError('REQUEST_INVALID', 'the cursor is of another query', {
      hint: 'ask with the filter, agent, version and linktype that it came from; or begin anew with since',
    });
  }
  const places = Object.entries(logs).flatMap(([logId, entries]) =>
    entries.map(([partition, next, replacement, storedFromUs]) => ({
      ...{ logId, partition, next, replacement, storedFromUs },
    })),
  );
  return { sinceNs, places, seenUs, query };
}

function jsonOf(base64: string): unknown {
  try {
    return JSON.parse(Buffer.from(base64, 'base64url').toString('utf8'));
  } catch {
    // Refused by the schema.
    return undefined;
  }
}
