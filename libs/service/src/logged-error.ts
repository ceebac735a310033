import { BpfleetError } from '@bpfleet/errors';
import { stdSerializers } from 'pino';

/** As Node names what the system refuses: `ECONNREFUSED`. */
const SYSTEM_CODE = /^E[A-Z0-9]+$/;
/** As kafkajs names that a broker hung up or did not answer: its own errors, without a code of the system. */
const BROKER_AWAY = /^KafkaJS(ConnectionError|ConnectionClosedError|RequestTimeoutError)$/;

/**
 * An error as a field of a line. Ours say what happened and what to do, and what the system refuses (a broker that is away, a
 * disk that is full) is nobody's defect: they need no stack, and of what caused them one line will do. Of anything else the
 * stack is what a report needs.
 */
export function loggedError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (!(error instanceof BpfleetError) && !isOfTheSystem(error)) return stdSerializers.err(error);
  const { message, cause } = error;
  return {
    code: 'code' in error ? error.code : error.name,
    message: textOf(error, message),
    ...(error instanceof BpfleetError && error.hint !== undefined ? { hint: error.hint } : {}),
    ...(cause === undefined ? {} : { cause: chain(cause) }),
  };
}

/** It, or what caused it. */
function isOfTheSystem(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('code' in error && SYSTEM_CODE.test(String(error.code))) return true;
  if (BROKER_AWAY.test(error.name)) return true;
  return error instanceof AggregateError ? error.errors.some(isOfTheSystem) : isOfTheSystem(error.cause);
}

/** `fetch failed: connect ECONNREFUSED 127.0.0.1:7420` */
function chain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = textOf(error, error.message);
  return error.cause === undefined ? text : `${text}: ${chain(error.cause)}`;
}

/** Of several addresses that were tried, `net` makes an AggregateError without a text. */
const textOf = (error: Error, message: string): string =>
  message || (error instanceof AggregateError ? error.errors.map(chain).join(', ') : error.name);
