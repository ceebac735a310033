import { type AgentStatus, statusLimits } from '@bpfleet/contract';

type Status = Omit<AgentStatus, 'sequence'>;

/** As much of a status as one call takes. What is left out is counted in its errors: a hundred filters on a hundred interfaces. */
export function withinLimits(status: Status): Status {
  const { filters, statements = [], ledger, errors } = status;
  const cut: string[] = [];
  const first = <T>(what: string, rows: readonly T[], limit: number): T[] => {
    if (rows.length > limit) cut.push(`${limit} of ${rows.length} ${what}`);
    return rows.slice(0, limit);
  };
  const kept: Status = {
    ...status,
    filters: first('states of filters', filters, statusLimits.filters),
    statements: first('statements', statements, Math.min(statusLimits.statements, fitting(statements))),
    ...(ledger
      ? {
          ledger: {
            ...ledger,
            sockets: first('sockets of the ledger', ledger.sockets, statusLimits.ledgerRows),
            filters: first('filters of the ledger', ledger.filters, statusLimits.ledgerRows),
          },
        }
      : {}),
  };
  const said = cut.length === 0 ? errors : [tooMany(cut), ...errors];
  return { ...kept, errors: said.slice(0, statusLimits.errors) };
}

/** Each names all filters of a socket. */
const MAX_STATEMENTS_CHARACTERS = 2 * 1024 * 1024;

/** How many of them are together no longer than that. */
function fitting(statements: readonly { readonly payload: string }[]): number {
  let characters = 0;
  const over = statements.findIndex(({ payload }) => {
    characters += payload.length;
    return characters > MAX_STATEMENTS_CHARACTERS;
  });
  return over < 0 ? statements.length : over;
}

const tooMany = (cut: readonly string[]): AgentStatus['errors'][number] => ({
  code: 'FILTER_TOO_LARGE',
  message: `the status shows ${cut.join(', ')}; run fewer filters, or on fewer interfaces (BPFLEET_AGENT_INTERFACES)`,
  at: new Date().toISOString(),
});
