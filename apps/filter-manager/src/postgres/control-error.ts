import { BpfleetError } from '@bpfleet/errors';
import { storeError } from '@bpfleet/store';

// PostgreSQL documentation, appendix A.
const undefinedTable = '42P01';
/** Text that Postgres cannot hold: a NUL character, half of a surrogate pair. */
const unstorableText = ['22021', '22P02', '22P05'];
/** Somebody else was at it: a wait for a lock or a statement took too long, a deadlock. */
const busy = ['55P03', '57014', '40001', '40P01'];

/** What a failed query of this service means to whoever asked for it. */
export function controlError(cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (code === undefinedTable) {
    return new BpfleetError('STORE_UNAVAILABLE', 'the database has no tables of the filter-manager', {
      cause,
      hint: 'run its migrations: node dist/main.js migrate',
    });
  }
  if (unstorableText.includes(code)) {
    return new BpfleetError('REQUEST_INVALID', 'a text of the request holds a character that cannot be stored', {
      cause,
    });
  }
  if (busy.includes(code)) return new BpfleetError('STORE_UNAVAILABLE', 'the database is busy', { cause });
  return storeError(cause);
}
