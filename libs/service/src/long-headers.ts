import type { Server } from 'node:http';

/**
 * Of the contract: an expression, and a tail's cursor. An expression may be all characters that a URL escapes, but of ASCII:
 * the language has no others, of which each would be six bytes or nine.
 */
const [LONGEST_EXPRESSION, LONGEST_CURSOR, BYTES_ESCAPED] = [65_536, 65_536, 3];
/** Of Node; for all the rest. */
const NODE_HEADER_BYTES = 16_384;
/** Of a request's first line and its headers. Longer ones are answered with 431. */
export const MOST_HEADER_BYTES = LONGEST_EXPRESSION * BYTES_ESCAPED + LONGEST_CURSOR + NODE_HEADER_BYTES;

/** Takes every question that the contract allows, in a URL. Before the server listens. */
export function takeLongHeaders(server: Server): void {
  // An option of `createServer`, read for each connection; Nest makes its server without options.
  Object.assign(server, { maxHeaderSize: MOST_HEADER_BYTES });
}
