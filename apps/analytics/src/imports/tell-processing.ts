import type { ServerResponse } from 'node:http';

/**
 * Says "102 Processing" (RFC 2518, 10.1) until it is ended, or the answer begins. Clients give up on an answer of which
 * nothing comes: Node's fetch after 5 minutes, also while it still sends a file that is read slowly.
 * @returns ends it
 */
export function tellProcessing(response: ServerResponse, everyMs: number): () => void {
  const timer = setInterval(() => {
    if (!response.headersSent && !response.destroyed) response.writeProcessing();
  }, everyMs);
  return () => clearInterval(timer);
}
