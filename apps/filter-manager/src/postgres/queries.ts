import type pg from 'pg';

/** What a statement runs on: the pool, or the connection of a transaction. */
export type Queries = Pick<pg.ClientBase, 'query'>;
