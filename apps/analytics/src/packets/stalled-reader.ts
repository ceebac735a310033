import type { ServerResponse } from 'node:http';
import { BpfleetError } from '@bpfleet/errors';

/**
 * Aborted when the receiver of an answer took nothing of what is waiting for it, for so long. Nobody who reads slowly: each
 * byte that goes out begins the time anew (Node's socket timeout looks whether the kernel took any). The kernel takes more
 * when about a third of its buffer is free, a megabyte or so.
 */
export function stalledReader(response: ServerResponse, limitMs: number): AbortSignal {
  const stalled = new AbortController();
  response.setTimeout(limitMs, () => {
    if (response.writableLength === 0) return;
    stalled.abort(new BpfleetError('TOO_BUSY', `the reader took nothing for ${limitMs / 1000} s`));
  });
  return stalled.signal;
}
