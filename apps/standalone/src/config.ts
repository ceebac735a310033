import { HttpConfig, LogConfig, logLevels } from '@bpfleet/service';
import { z } from 'zod';

/** What `npm start` reads from its environment; the rest are options of the command line. */
export const StandaloneConfig = z.object({
  ...HttpConfig.shape,
  ...LogConfig.shape,
  // The screen is for the answer: only what needs attention is logged there.
  logLevel: z.enum(logLevels).default('warn').describe('least level that is logged, to stderr'),
});
export type StandaloneConfig = z.infer<typeof StandaloneConfig>;
