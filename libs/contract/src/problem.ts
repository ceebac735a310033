import { errorCodes } from '@bpfleet/errors';
import { z } from 'zod';

/** RFC 9457 problem details, with our stable code and, for text that was refused, the place in it. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  instance: z.string().optional(),
  code: z.enum(errorCodes),
  hint: z.string().optional(),
  /** UTF-16 offsets into the refused text, `end` exclusive. */
  span: z.object({ start: z.int(), end: z.int() }).optional(),
  /** One entry per field of the request that was refused. */
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof Problem>;
