import { agentEqualities } from './agent-equalities.js';
import { tablesByAgent, viewsByAgent } from './agent-key.js';

const TABLE = new RegExp(
  `(?<!\\bINSERT INTO )\\banalytics\\.(?:${[...tablesByAgent, ...viewsByAgent].join('|')})\\b`,
  'g',
);
const QUERY = /^\(\s*(?:WITH|SELECT|INSERT|UPDATE|DELETE|MERGE)\b/;
/** `name AS (`, `name (column, column) AS MATERIALIZED (`. */
const COMMON_TABLE = /\b(\w+)(?: ?\([\w, ]*\))? AS (?:(?:NOT )?MATERIALIZED )?$/;
/** Where a query in parentheses is read as a table is. */
const AS_TABLE = /(?:\bFROM|\bJOIN|\bLATERAL|\bUSING|,) $/;

/** Of many rows, and of no agent: such a result can be handed round. */
const FIGURES = /^SELECT (?:DISTINCT (?!agent\b)\w+|(?:min|max|sum|count)\([^,]*) FROM\b/;

/** A query without those within it: each of them is `«index»` in its text. */
interface Query {
  readonly text: string;
  readonly within: readonly Query[];
  /** Of a common table. */
  readonly name?: string | undefined;
}

/**
 * Whether rows of two tables by agent, or of one table twice, meet in a statement without being of the same agent: what
 * could not be answered where each agent's rows are in a place of their own. What `WITH` or parentheses name is a table,
 * too, when it is made of such rows; the parts of a `UNION` do not meet.
 */
export function joinsAcrossAgents(sql: string): boolean {
  const whole = parse(sql.replace(/\s+/g, ' '));
  const ofAgents = new Set(
    everyQuery(whole).flatMap((query) =>
      query.name !== undefined && isOfAgents(query) && !FIGURES.test(query.text) ? [query.name] : [],
    ),
  );
  return everyQuery(whole).some((query) => partsOf(query).some((part) => meets(query, part)));

  function meets(query: Query, part: string): boolean {
    const { tables, others } = contentOf(query, part);
    if (tables - 1 > agentEqualities(part)) return true;
    return tables > 0 && others.some((other) => !isOfSameAgent(other.query, other.before));
  }

  /** How many tables by agent are read in a part of a query, and what other queries of such rows are in it. */
  function contentOf({ within }: Query, part: string) {
    const commonTables = [...part.matchAll(/(?:\bFROM|\bJOIN|\bUSING|,) (\w+)\b(?! ?\(| AS (?:\w+ )*«)/g)];
    const named = commonTables.filter(([, name]) => ofAgents.has(name!)).length;
    const nested = [...part.matchAll(/«(\d+)»/g)]
      .map((match) => ({ query: within[Number(match[1])]!, before: part.slice(0, match.index) }))
      .filter(({ query }) => query.name === undefined && isOfAgents(query));
    const others = nested.filter(({ before }) => !AS_TABLE.test(before));
    return { tables: (part.match(TABLE) ?? []).length + named + nested.length - others.length, others };
  }

  /** `(agent, …) IN (SELECT agent, …`, or a subquery whose tables are of one agent, and of that of the row outside. */
  function isOfSameAgent(query: Query, before: string): boolean {
    if (/\(agent\b[^()]*\) (?:NOT )?IN $/.test(before))
      return partsOf(query).every((part) => /^ ?SELECT (?:\w+\.)?agent\b/.test(part));
    return partsOf(query).every((part) => agentEqualities(part) >= Math.max(1, contentOf(query, part).tables));
  }

  function isOfAgents(query: Query): boolean {
    return everyQuery(query).some(({ text }) => text.match(TABLE) !== null);
  }
}

const partsOf = ({ text }: Query): string[] => text.split(/\b(?:UNION|EXCEPT|INTERSECT)\b/);
const everyQuery = (query: Query): Query[] => [query, ...query.within.flatMap(everyQuery)];

function parse(sql: string): Query {
  let at = 0;
  return queryUntil(undefined);

  function queryUntil(name: string | undefined): Query {
    let text = '';
    const within: Query[] = [];
    for (let depth = 0; at < sql.length; ) {
      if (QUERY.test(sql.slice(at, at + 32))) {
        at++;
        within.push(queryUntil(COMMON_TABLE.exec(text)?.[1]));
        text += `«${within.length - 1}»`;
        continue;
      }
      const char = sql[at++]!;
      if (char === '(') depth++;
      if (char === ')' && --depth < 0) break;
      text += char;
    }
    return { text: text.trim(), within, name };
  }
}
