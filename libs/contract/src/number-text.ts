import { z } from 'zod';

/**
 * A number in a query string. An empty one, as of a script whose variable is not set, is none: `Number('')` is 0, and a limit
 * of 0 means all. With a default write `prefault`: OpenAPI tells only that of what is converted.
 */
export const numberText = <Range extends z.ZodType<number>>(range: Range) =>
  z.preprocess((text) => (typeof text === 'string' && text.trim() !== '' ? Number(text) : text), range);
