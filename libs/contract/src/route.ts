import type { z } from 'zod';

/** One call of an HTTP API: what the controllers implement and the typed client calls. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path with `{name}` parameters. */
  readonly path: string;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly response: z.ZodType;
}

export const route = <const R extends Route>(definition: R): R => definition;
