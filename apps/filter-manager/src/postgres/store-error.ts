import { BpfleetError } from '@bpfleet/errors';

/** PostgreSQL documentation, appendix A. */
const undefinedTable = '42P01';
/** Text that Postgres cannot hold: a NUL character, half of a surrogate pair. */
const unstorableText = new Set(['22021', '22P02', '22P05']);
/** 08 connection, 53 no resources (disk, memory, connections), 57 operator (shutdown, cancelled), 55P03 lock timeout. */
const passing = /^(?:08...|53...|57...|55P03|40...|25P03)$/;

/**
 * What a failed query means to whoever asked for it. Errors without an SQLSTATE come from the connection: refused,
 * reset, timed out.
 */
export function storeError(cause: unknown): unknown {
  if (cause instanceof BpfleetError || !(cause instanceof Error)) return cause;
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
  const isSqlState = code !== undefined && /^[0-9A-Z]{5}$/.test(code) && 'severity' in cause;
  if (code === undefinedTable) {
    return new BpfleetError('STORE_UNAVAILABLE', 'the database has no tables of the filter-manager', {
      cause,
      hint: 'run its migrations: node dist/main.js migrate',
    });
  }
  if (isSqlState && unstorableText.has(code)) {
    return new BpfleetError('REQUEST_INVALID', 'a text of the request holds a character that cannot be stored', {
      cause,
    });
  }
  if (isSqlState && !passing.test(code)) return cause;
  if (!isSqlState && !isConnectionError(cause, code)) return cause;
  return new BpfleetError('STORE_UNAVAILABLE', 'the database is not available', { cause });
}

/** System error codes of sockets; `pg` itself throws plain errors that say "Connection terminated" or "timeout". */
const isConnectionError = (cause: Error, code: string | undefined): boolean =>
  (code !== undefined && /^E[A-Z]+$/.test(code)) ||
  // Not a TypeError that happens to speak of one.
  (cause.name === 'Error' && /connection|timeout|not queryable/i.test(cause.message));
