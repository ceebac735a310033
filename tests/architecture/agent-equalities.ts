/** What ends a condition, or begins one. A word that is an operator or a function, too (`LEFT`), counts with `JOIN`. */
const CLAUSES =
  /\b(?=(?:(?:(?:LEFT|RIGHT|FULL|INNER|CROSS|NATURAL)(?: OUTER)? )?JOIN|(?<!DISTINCT )ON|WHERE|GROUP BY|HAVING|WINDOW|ORDER BY|LIMIT|OFFSET|FETCH|FOR|RETURNING|WHEN (?:NOT )?MATCHED)\b)/i;
/** Of two tables. */
const EQUALITY = /^(\w+)\.agent = (?!\1\.)\w+\.agent$/;

/**
 * How many pairs of tables a query (without those within it, its white space single) holds to the same agent: by
 * `USING (agent`, or by `a.agent = b.agent` as one of the terms that ANDs connect in an ON or a WHERE. Elsewhere (behind
 * `NOT`, beside `OR`, in parentheses or a CASE) it may be untrue of rows that meet, so it does not count: SQL that is
 * right all the same is to be written plainly.
 */
export function agentEqualities(text: string): number {
  const [upToConflict = ''] = text.split(/\bON CONFLICT\b/i);
  const pairs = withoutParentheses(upToConflict)
    .split(CLAUSES)
    .map((clause) => /^(?:ON|WHERE) (.*)$/i.exec(clause)?.[1] ?? '')
    .filter((condition) => !/\b(?:OR|CASE)\b/i.test(condition))
    .flatMap((condition) => condition.split(/ AND /i).map((term) => term.trim()))
    .filter((term) => EQUALITY.test(term))
    .map((term) => term.split(' = ').sort().join());
  return new Set(pairs).size + (text.match(/\bUSING ?\(agent\b/g)?.length ?? 0);
}

function withoutParentheses(text: string): string {
  const shorter = text.replace(/\([^()]*\)/g, '…');
  return shorter === text ? text : withoutParentheses(shorter);
}
