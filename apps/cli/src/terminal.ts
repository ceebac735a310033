import type { Readable, Writable } from 'node:stream';
import { BpfleetError } from '@bpfleet/errors';

/** What the commands write to: a stream, and whether a person watches it. */
export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** Everything the commands see of the process they run in, so that a test can run them in its own. */
export interface Terminal {
  readonly input: Readable;
  readonly out: OutputStream;
  readonly err: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
  /** Aborted by Ctrl-C: half-written files are removed before the process ends. */
  readonly signal: AbortSignal;
}

/** What was printed could not be written. */
class OutputLost extends Error {
  override readonly name = 'OutputLost';
}

/** Resolves when the stream took the text, so that a slow reader slows us down instead of filling memory. */
export function print(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const lost = (cause: Error) => reject(new OutputLost(cause.message, { cause }));
    stream.write(text, (error) => (error ? lost(error) : resolve()));
  });
}

/** Why what was printed is lost: its reader went away, which is no failure (`… | head`), or an error. Undefined for other errors. */
export function outputFault(error: unknown): 'reader-left' | BpfleetError | undefined {
  const cause = error instanceof OutputLost ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'EPIPE') return 'reader-left';
  if (!(error instanceof OutputLost)) return undefined;
  const reason = code === 'ENOSPC' ? 'there is no space left on its device' : error.message;
  return new BpfleetError('SYSTEM_CALL', `the output cannot be written: ${reason}`, { cause: error });
}

/** Colour is for people: on a terminal, and not where NO_COLOR is set (https://no-color.org). */
export function hasColour(stream: OutputStream, env: Terminal['env']): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
}

/** Makes text from the network safe to show: a host could name itself with an escape sequence. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are exactly what must not reach a terminal
  return text.replace(/\s+/g, ' ').replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd');
}
