import { z } from 'zod';
import { nearest } from '../config/nearest.js';
import { type FieldError, RequestInvalid } from '../problem.js';

/** What to do with fields that a schema does not know. */
export type UnknownFields = 'refuse' | 'ignore';

/**
 * Checks one part of a request and fills in its defaults.
 * @param part name put before each field's path; none for the body
 * @throws RequestInvalid with every field that is wrong
 */
export function validated<S extends z.ZodType>(
  schema: S,
  value: unknown,
  part: string | undefined,
  unknownFields: UnknownFields,
): z.output<S> {
  const checked = unknownFields === 'refuse' && schema instanceof z.ZodObject ? schema.strict() : schema;
  const result = checked.safeParse(value);
  if (result.success) return result.data as z.output<S>;
  throw new RequestInvalid(result.error.issues.flatMap((issue) => fieldErrors(issue, part, schema)));
}

function fieldErrors(issue: z.core.$ZodIssue, part: string | undefined, schema: z.ZodType): FieldError[] {
  const at = (...path: PropertyKey[]) => [...(part ? [part] : []), ...path].map(String).join('.');
  if (issue.code !== 'unrecognized_keys') return [{ path: at(...issue.path), message: issue.message }];
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  return issue.keys.map((key) => {
    const meant = nearest(key, known);
    return { path: at(...issue.path, key), message: `no such field${meant ? `, did you mean "${meant}"?` : ''}` };
  });
}
