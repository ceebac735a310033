import { BpfleetError, type ErrorCode } from '@bpfleet/errors';
import { hasColour, print, printable, type Terminal } from './terminal.js';

/** A refusal together with the text its span points into, for the line with the caret. */
export class RefusedText extends Error {
  override readonly name = 'RefusedText';
  constructor(
    readonly what: 'expression' | 'program',
    readonly text: string,
    readonly refusal: BpfleetError,
  ) {
    super(refusal.message, { cause: refusal });
  }
}

/** What went wrong stands on the terminal: printed by another program of ours, or beside an answer that is not whole. */
export class SaidAlready extends Error {
  override readonly name = 'SaidAlready';
  constructor(readonly exitCode: number) {
    super(`said already, to end with code ${exitCode}`);
  }
}

/** Runs `call`; when it refuses a place in an expression, by our compiler or by the server's, remembers which text that was. */
export async function expressionOf<T>(expression: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw error instanceof BpfleetError && error.span ? new RefusedText('expression', expression, error) : error;
  }
}

/** Reads a program's text; when it is refused at a place, remembers which text that was. */
export function programOf<T>(text: string, read: (text: string) => T): T {
  try {
    return read(text);
  } catch (error) {
    throw error instanceof BpfleetError && error.span ? new RefusedText('program', text, error) : error;
  }
}

/** Codes that say: what was typed is wrong. A second try with the same words cannot work. */
const wrongInput: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'CONFIG_INVALID',
  'FILTER_SYNTAX',
  'FILTER_UNSUPPORTED',
  'FILTER_TOO_LARGE',
  'NEVER_MATCHES',
  'PROGRAM_INVALID',
  'REQUEST_INVALID',
  'SEVERAL_LINK_TYPES',
]);

/** 2 when what was typed is wrong, else 1. */
export function exitCodeOf(error: unknown): number {
  const fault = error instanceof RefusedText ? error.refusal : error;
  return fault instanceof BpfleetError && wrongInput.has(fault.code) ? 2 : 1;
}

/** Prints `error: … (CODE)`, the line with a caret where the fault has a place, and what to do next. */
export async function reportError(error: unknown, terminal: Terminal): Promise<void> {
  const red = hasColour(terminal.err, terminal.env) ? (text: string) => `\u001b[31m${text}\u001b[39m` : String;
  const fault = error instanceof RefusedText ? error.refusal : error;
  const lines: string[] = [];
  if (error instanceof RefusedText) {
    const { renderFault } = await import('@bpfleet/pcap-filter');
    const { where, text, refusal } = placed(error);
    lines.push(`${red('error:')} the ${error.what} was refused${where} (${refusal.code})`);
    lines.push(renderFault(text, refusal));
  } else {
    const message = printable(fault instanceof Error ? fault.message : String(fault));
    lines.push(`${red('error:')} ${message} (${fault instanceof BpfleetError ? fault.code : 'INTERNAL'})`);
    if (fault instanceof BpfleetError && fault.hint) lines.push(`hint: ${printable(fault.hint)}`);
  }
  // A fault of ours, not of the input: the stack is what a bug report needs.
  if (terminal.env.BPFLEET_DEBUG && fault instanceof Error && fault.stack) lines.push(fault.stack);
  await print(terminal.err, `${lines.join('\n')}\n`);
}

/** Of a program, which has many lines, only the one at fault, and its number. */
function placed({ what, text, refusal }: RefusedText): { where: string; text: string; refusal: BpfleetError } {
  const { span } = refusal;
  if (what === 'expression' || span === undefined) return { where: '', text, refusal };
  const begin = text.slice(0, span.start).lastIndexOf('\n') + 1;
  const [line = ''] = text.slice(begin).split('\n', 1);
  const end = Math.min(span.end - begin, line.length);
  return {
    where: ` in line ${text.slice(0, begin).split('\n').length}`,
    text: line,
    refusal: new BpfleetError(refusal.code, refusal.message, {
      span: { start: span.start - begin, end },
      ...(refusal.hint !== undefined && { hint: refusal.hint }),
    }),
  };
}
