import { type DestinationStream, type Logger, pino } from 'pino';
import { loggedError } from './logged-error.js';
import { RepeatLimit } from './repeat-limit.js';

export type { Logger } from 'pino';

export interface LoggerOptions {
  /** The component, in each line as `name`. */
  readonly name: string;
  readonly level?: string;
  /** Where lines go; default: stdout. A program whose stdout is its answer takes `process.stderr`. */
  readonly destination?: DestinationStream;
}

/**
 * JSON lines: ISO time, level as a word, the fields, then the text. Written synchronously, so an exit loses none. A warning
 * or error that comes again is counted (`RepeatLimit`).
 */
export function createLogger({ name, level = 'info', destination }: LoggerOptions): Logger {
  const limit = new RepeatLimit();
  return pino(
    {
      name,
      level,
      // Host and process id are the platform's to add; they would only make each line longer.
      base: { name },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: loggedError },
      hooks: {
        logMethod(args, write, level) {
          limit.logMethod(this, args, write, level);
        },
      },
    },
    destination ?? pino.destination({ fd: 1, sync: true }),
  );
}
