import { BpfleetError } from '@bpfleet/errors';
import { print, type Terminal } from '../terminal.js';
import { MAX_LINE_BYTES, readLines } from './read-lines.js';

/**
 * What a batch answers in place of a result: the message with what to try, where there is something, and `start` and `end`
 * where the fault has a place in the expression.
 */
export interface BatchError {
  readonly code: string;
  readonly message: string;
  readonly start?: number;
  readonly end?: number;
}

/**
 * Answers each line of standard input, one JSON object, by one line, in order and as soon as it is read.
 * A line that cannot be answered, an empty one too, gets an error, with its `id` where it has one, and the batch goes on.
 */
export async function answerLines(
  terminal: Terminal,
  answer: (request: unknown) => Promise<Record<string, unknown>>,
): Promise<void> {
  for await (const line of readLines(terminal.input)) {
    terminal.signal.throwIfAborted();
    await print(terminal.out, `${JSON.stringify(await answerLine(line, answer))}\n`);
  }
}

async function answerLine(line: string | undefined, answer: (request: unknown) => Promise<Record<string, unknown>>) {
  let id: unknown = null;
  try {
    if (line === undefined) {
      throw new BpfleetError('REQUEST_INVALID', `this line has more than ${MAX_LINE_BYTES} bytes`);
    }
    if (line.trim() === '') throw new BpfleetError('REQUEST_INVALID', 'this line is empty; a request is a JSON object');
    const request: unknown = JSON.parse(line);
    if (typeof request === 'object' && request !== null && 'id' in request) ({ id } = request);
    return { id, ...(await answer(request)) };
  } catch (error) {
    return { id, error: batchErrorOf(error) };
  }
}

function batchErrorOf(error: unknown): BatchError {
  if (error instanceof BpfleetError) {
    const { code, message, hint, span } = error;
    return { code, message: hint === undefined ? message : `${message}; try: ${hint}`, ...span };
  }
  if (error instanceof SyntaxError) {
    return { code: 'REQUEST_INVALID', message: `this line is not JSON: ${error.message}` };
  }
  // A fault of ours, not of the line.
  return { code: 'INTERNAL', message: error instanceof Error ? error.message : String(error) };
}
