import { createHash } from 'node:crypto';

const DIGITS = 12;

/** Names a query in its cursors, so that one of another query is told apart from its own. */
export const queryDigest = (parts: readonly (string | undefined)[]): string =>
  createHash('sha256')
    .update(JSON.stringify(parts.map((part) => part ?? null)))
    .digest('base64url')
    .slice(0, DIGITS);
