import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

export interface LoggerOptions {
  /** The component, in each line as `name`. */
  readonly name: string;
  readonly level?: string;
  /** Where lines go; default: stdout. A program whose stdout is its answer takes `process.stderr`. */
  readonly destination?: DestinationStream;
}

/** JSON lines: ISO time, level as a word, the fields, then the text. Written synchronously, so an exit loses none. */
export function createLogger({ name, level = 'info', destination }: LoggerOptions): Logger {
  return pino(
    {
      name,
      level,
      // Host and process id are the platform's to add; they would only make each line longer.
      base: { name },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination ?? pino.destination({ fd: 1, sync: true }),
  );
}
