import { BpfleetError } from '@bpfleet/errors';
import { stdSerializers } from 'pino';

/**
 * An error as a field of a line. Ours say what happened and what to do, so they need no stack, and of what caused them one line
 * will do; anything else is a defect, and its stack is what a report needs.
 */
export function loggedError(error: unknown): unknown {
  if (!(error instanceof BpfleetError)) return error instanceof Error ? stdSerializers.err(error) : error;
  const { code, message, hint, cause } = error;
  return {
    code,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause: chain(cause) }),
  };
}

/** `fetch failed: connect ECONNREFUSED 127.0.0.1:7420` */
function chain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Of several addresses that were tried, `net` makes an AggregateError without a text.
  const text = error.message || (error instanceof AggregateError ? error.errors.map(chain).join(', ') : error.name);
  return error.cause === undefined ? text : `${text}: ${chain(error.cause)}`;
}
