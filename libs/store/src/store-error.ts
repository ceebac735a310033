import { BpfleetError } from '@bpfleet/errors';

/** PostgreSQL documentation, appendix A: the error codes we act on. */
export const SQL_STATE = {
  checkViolation: '23514',
  lockNotAvailable: '55P03',
  queryCanceled: '57014',
} as const;

/**
 * Classes 08 (connection), 53 (resources, disk full), 57P (shutdown, crash, starting up), 25P03 (idle in transaction),
 * 40 (deadlock), 55P03 (lock timeout).
 */
const UNAVAILABLE_STATES = /^(08...|53...|57P..|25P03|40...|55P03)$/;
const UNAVAILABLE_SYSTEM_ERRORS = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'ENOTFOUND',
];
/** What `pg` and `pg-pool` throw without a code. */
const UNAVAILABLE_MESSAGES =
  /^Connection terminated|^timeout exceeded when trying to connect|^Client has encountered a connection error|^Query read timeout/;

export function isSqlState(error: unknown, state: string): boolean {
  return codeOf(error) === state;
}

/**
 * The error itself, or as `STORE_UNAVAILABLE` where the same call may work a little later; `QUERY_TIMEOUT` where Postgres
 * cancelled the query, which it does behind the time limit of a statement.
 */
export function storeError(error: unknown): unknown {
  const code = codeOf(error);
  if (code === SQL_STATE.queryCanceled) {
    return new BpfleetError('QUERY_TIMEOUT', `Postgres ended a query: ${(error as Error).message}`, { cause: error });
  }
  const isUnavailable =
    UNAVAILABLE_STATES.test(code) ||
    UNAVAILABLE_SYSTEM_ERRORS.includes(code) ||
    (error instanceof Error && UNAVAILABLE_MESSAGES.test(error.message));
  if (!isUnavailable || error instanceof BpfleetError) return error;
  return new BpfleetError('STORE_UNAVAILABLE', `Postgres does not answer: ${(error as Error).message}`, {
    cause: error,
  });
}

function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}
