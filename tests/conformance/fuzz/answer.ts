import { checkProgram, type Program } from '@bpfleet/bpf';
import { BpfleetError, type ErrorCode } from '@bpfleet/errors';
import { type CompileOptions, compile } from '@bpfleet/pcap-filter';

/** What `compile` may answer with. Options are right here, so nothing else is an answer. */
const ANSWERS: ReadonlySet<ErrorCode> = new Set([
  'FILTER_SYNTAX',
  'FILTER_UNSUPPORTED',
  'FILTER_TOO_LARGE',
  'NEVER_MATCHES',
]);

export type Answer = { readonly program: Program } | { readonly error: BpfleetError };

/**
 * The compiler's answer, checked: a program that the kernel's checker takes, or an error with a code of the language, a
 * message that is not the input over again, and a place inside the text.
 * @throws whatever else the compiler threw, or an error saying what is wrong with its answer
 */
export function answerTo(expression: string, options: CompileOptions): Answer {
  try {
    const { program } = compile(expression, options);
    const fault = checkProgram(program);
    if (fault !== undefined) throw new Error(`the program is invalid: ${fault.rule} at ${fault.instruction}`);
    return { program };
  } catch (error) {
    if (!(error instanceof BpfleetError)) throw error;
    const fault = faultOf(error, expression);
    if (fault !== undefined) throw new Error(`${fault}: ${error.code} ${error.message}`, { cause: error });
    return { error };
  }
}

function faultOf({ code, message, hint = '', span }: BpfleetError, { length }: string): string | undefined {
  if (!ANSWERS.has(code)) return 'not a code of the language';
  if (message === '' || message.length + hint.length > 500) return `a message of ${message.length} characters`;
  if (span === undefined) return 'no span';
  const { start, end } = span;
  const isInside = Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end && end <= length;
  return isInside ? undefined : `a span ${start}–${end} outside the ${length} characters`;
}
